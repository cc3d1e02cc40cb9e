// What both pages share: elements whose content is text, words in two languages, themes, and calls with an API key.

const SVG = "http://www.w3.org/2000/svg";

// An element; children are nodes or text, never HTML.
export const el = (tag, attributes = {}, ...children) => {
	const node = /^(svg|g|path|rect|circle|line|text|title)$/.test(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on")) node[name] = value;
		else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
	}
	node.append(...children.filter(child => child !== null && child !== undefined && child !== false));
	return node;
};

export const $ = id => document.getElementById(id);

// What the browser remembers, where it is allowed to.
export const kept = {
	get: (name, place = localStorage) => { try { return place.getItem("gatekeeper-" + name); } catch { return null; } },
	set: (name, value, place = localStorage) => { try { value === null ? place.removeItem("gatekeeper-" + name) : place.setItem("gatekeeper-" + name, value); } catch { /* then not */ } },
};

const OURS = {
	en: { language: "日本語", other: "ja", dark: "Dark", light: "Light" },
	ja: { language: "English", other: "en", dark: "ダーク", light: "ライト" },
};

let chosen = kept.get("lang");
export const lang = () => chosen || (navigator.language.startsWith("ja") ? "ja" : "en");
export const isDark = () => (kept.get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

// Words by name in the language shown; {names} in them are filled in.
export const wording = words => (name, values = {}) =>
	words[lang()][name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

// Language and theme: two buttons in the page's bar. `changed` is called at once and whenever one of them changes.
export const switches = (host, say, changed) => {
	const language = el("button", { type: "button", class: "quiet" }), theme = el("button", { type: "button", class: "quiet" });
	const show = () => {
		const ours = OURS[lang()];
		document.documentElement.lang = lang();
		if (kept.get("theme")) document.documentElement.dataset.theme = kept.get("theme");
		language.textContent = ours.language;
		language.lang = ours.other;
		theme.textContent = isDark() ? ours.light : ours.dark;
		for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
		for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
		document.title = say("title");
		changed();
	};
	language.onclick = () => { kept.set("lang", chosen = OURS[lang()].other); show(); };
	theme.onclick = () => { kept.set("theme", isDark() ? "light" : "dark"); show(); };
	host.append(language, theme);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
	show();
};

// What a call was refused with: status is 0 where nothing answered.
export class Refused extends Error {
	constructor(status) { super("refused"); this.status = status; }
}

// The answer to a call with this API key, which goes in a header and nowhere else.
export const call = async (key, path, { body, headers, ...options } = {}) => {
	const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
	const answer = await fetch(path, { ...options, ...sent, credentials: "omit", cache: "no-store",
		headers: { ...sent.headers, ...headers, authorization: "Bearer " + key } }).catch(() => null);
	if (!answer?.ok) throw new Refused(answer?.status ?? 0);
	return answer;
};

export const number = (value, digits = 0) =>
	new Intl.NumberFormat(lang(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = value => new Intl.NumberFormat(lang(), { style: "percent", maximumFractionDigits: 0 }).format(value);
export const money = (value, currency) =>
	new Intl.NumberFormat(lang(), { style: "currency", currency, maximumFractionDigits: 0 }).format(value);
export const brief = (value, currency) =>
	new Intl.NumberFormat(lang(), { notation: "compact", maximumSignificantDigits: 3, ...currency && { style: "currency", currency, currencyDisplay: "narrowSymbol" } }).format(value);
export const when = ms => new Intl.DateTimeFormat(lang(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(ms));
