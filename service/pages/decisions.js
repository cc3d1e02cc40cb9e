// The page of decisions: a key of scope admin is exchanged for what reps made of warnings, and kept in this tab alone.

import { $, call, el, kept, switches, wording } from "./shared.js";
import { WORDS } from "./decisions_words.js";
import { course, empty, entries, overrides, reasons, refusals, reps, tiles } from "./decisions_parts.js";

const say = wording(WORDS), PAGE = 25;
let key = kept.get("key", sessionStorage), summary = null, rows = [], next = null, turn = 0;

const said = error => say({ 400: "400", 401: "401", 403: "403" }[error.status] ?? "away");

// What the filters ask for, as the interface takes it; days are those of whoever looks.
const query = more => {
	const asked = new URLSearchParams(more), day = (id, later) => {
		const at = new Date($(id).value + "T00:00");
		at.setDate(at.getDate() + later);
		return at.toISOString();
	};
	if ($("since").value) asked.set("since", day("since", 0));
	if ($("until").value) asked.set("until", day("until", 1));
	if ($("user").value) asked.set("user", $("user").value);
	if ($("choice").value) asked.set("choice", $("choice").value);
	return asked;
};
const filtered = () => query().size > 0;

const load = async () => {
	const mine = ++turn;
	const [found, page] = await Promise.all(["/v1/decisions/summary?" + query(), "/v1/decisions?" + query({ limit: PAGE })]
		.map(async path => (await call(key, path)).json()));
	if (mine !== turn) return;
	summary = found; rows = page.decisions; next = page.next;
	render();
};

const render = () => {
	if (!summary) return;
	const held = { summary, rows, say }, focused = document.activeElement?.id;
	if (!filtered()) $("users").replaceChildren(...summary.reps.map(({ of }) => el("option", { value: of })));
	const parts = summary.decisions
		? [tiles(held), course(held), el("div", { class: "halves" }, refusals(held), overrides(held), ...reasons(held)), reps(held)]
		: [];
	$("found").replaceChildren(...[summary.truncated && el("p", { class: "wrong" }, say("truncated")), ...parts,
		rows.length ? entries(held, next !== null && el("button", { type: "button", id: "more", onclick: more }, say("more"))) : empty(held, filtered() && clear)].filter(Boolean));
	$("found").hidden = false;
	if (focused && document.activeElement === document.body) $(focused)?.focus();
};

const more = async () => {
	const mine = turn;
	await attempt(async () => {
		const page = await (await call(key, "/v1/decisions?" + query({ limit: PAGE, before: next }))).json();
		if (mine !== turn) return;
		rows = [...rows, ...page.decisions]; next = page.next;
		render();
	});
};

const clear = () => { $("filters").reset(); attempt(load); $("since").focus(); };

// Do it, and say what is wrong where it fails; whose key is not known any more signs in again.
const attempt = async done => {
	$("wrong").textContent = "";
	try { await done(); } catch (error) {
		if (error.status === undefined) throw error;
		if ([401, 403].includes(error.status)) return leave(said(error));
		$("wrong").textContent = said(error);
	}
};

const enter = async () => {
	$("refused").textContent = "";
	try { await load(); } catch (error) {
		if (error.status === undefined) throw error;
		return leave(said(error));
	}
	kept.set("key", key, sessionStorage);
	$("key").value = "";
	$("signin").hidden = true;
	$("shown").hidden = $("signout").hidden = false;
};

const leave = text => {
	kept.set("key", key = null, sessionStorage);
	summary = null; turn++;
	$("found").replaceChildren();
	$("signin").hidden = false;
	$("shown").hidden = $("signout").hidden = true;
	$("refused").textContent = text;
	$("key").focus();
};

const download = () => attempt(async () => {
	const file = await (await call(key, "/v1/decisions.csv?" + query())).blob();
	const url = URL.createObjectURL(file);
	el("a", { href: url, download: "decisions.csv" }).click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
});

$("signin").onsubmit = event => { event.preventDefault(); key = $("key").value.trim(); enter(); };
$("signout").onclick = () => leave("");
$("filters").onsubmit = event => event.preventDefault();
$("filters").onchange = () => $("filters").checkValidity() ? attempt(load) : $("wrong").textContent = say("400");
$("csv").onclick = download;
switches($("bar"), say, () => { if (!$("signin").hidden) $("refused").textContent = ""; render(); });
if (key) enter(); else $("key").focus();
