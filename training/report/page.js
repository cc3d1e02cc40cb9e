const pick = (lang) => {
  document.getElementById("lang-" + lang).checked = true;
  document.documentElement.lang = lang;
};
const asked = location.hash.slice(1, 3);
const japanese = asked === "ja" || (asked !== "en" && navigator.language.startsWith("ja"));
pick(japanese ? "ja" : "en");
document.querySelector(".languages").addEventListener("change", (event) => pick(event.target.id.slice(5)));
