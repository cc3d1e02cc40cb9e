// A mock CRM: leads whose features the live model names, and the real card beside them. It is a caller like any other;
// of a lead, the service is told an id and features, and the name stays in this browser.

import { $, call, el, isDark, kept, lang, switches, wording } from "./shared.js";
import { SAMPLES, WORDS } from "./crm_words.js";
import { Fields } from "./crm_fields.js";

const KEY = "dev", WAIT_MS = 350, RENEW_MS = 60000, TONES = { warning: "red", review: "amber", clear: "green", declined: "accent", proceeded: "grey", asked: "amber" };
const KINDS = { do_not_chase: "warning", review: "review", proceed: "clear" }, STAGES = { declined: "declined", proceeded: "proceeded", review: "asked" };
const say = wording(WORDS), theme = () => isDark() ? "dark" : "light";
let leads = [], open = null, fields = null, timer = 0, turn = 0, watched = 0;

const path = id => `/v1/prospects/${encodeURIComponent(id)}/features`;
const remember = () => kept.set("leads", JSON.stringify(leads.filter(lead => !lead.sample || lead.stage).map(({ id, name, sample, stage }) => ({ id, name, sample, stage }))));

const attempt = async done => {
	$("wrong").textContent = "";
	try { return await done(); } catch (error) {
		if (error.status === undefined) throw error;
		$("wrong").textContent = say(error.status === 401 ? "401" : error.status && error.status < 500 ? "refused" : "away");
	}
};

// Of samples and those that this browser remembers, the leads of whom the store knows something.
const load = async () => {
	let own = [];
	try { own = JSON.parse(kept.get("leads")) ?? []; } catch { /* then none */ }
	const all = [...own, ...SAMPLES.filter(({ id }) => !own.some(lead => lead.id === id))].sort((a, b) => a.id < b.id ? -1 : 1);
	const asked = { prospects: all.map(({ id }) => ({ prospect_id: id })) };
	const [{ results }, model] = await Promise.all([call(KEY, "/v1/score/batch", { method: "POST", body: asked }), call(KEY, "/v1/model")].map(async answer => (await answer).json()));
	leads = all.filter((lead, at) => {
		lead.kind = results[at].not_scored_because ? "not_scored" : KINDS[results[at].action];
		return results[at].features_as_of || lead.kind === "not_scored";
	});
	fields = new Fields($("fields"), model.features, say);
	$("new").disabled = false;
	show();
	const wanted = leads.find(({ id }) => "#" + id === location.hash);
	if (wanted) await select(wanted);
};

const show = () => {
	const focused = document.activeElement?.id;
	$("list").replaceChildren(...leads.map(lead => {
		const mark = lead.stage || lead.kind;
		return el("li", {}, el("button", { type: "button", id: "open-" + lead.id, "aria-current": open === lead ? "true" : null, onclick: () => attempt(() => select(lead)) },
			el("span", {}, lead.name), mark && el("span", { class: "chip " + (TONES[mark] ?? "faint") }, say(mark)), el("span", { class: "soft" }, lead.id)));
	}));
	if (document.activeElement === document.body) $(focused)?.focus();
	$("none").hidden = leads.length > 0 || !fields;
	$("profile").hidden = !open;
	if (!open) return;
	$("name").textContent = open.name ?? say("new_title");
	$("under").textContent = open.id ? say("known", { id: open.id }) : say("new_under");
	$("naming").hidden = $("buttons").hidden = !!open.id;
	$("called").disabled = !!open.id;
	$("hint").hidden = !!open.id;
	$("card").hidden = !open.id;
	$("done").hidden = !open.stage;
};

const select = async lead => {
	const mine = ++turn;
	clearTimeout(timer);
	open = lead;
	location.replace("#" + (lead.id ?? ""));
	$("saved").textContent = "";
	fields.fill(lead.id ? (await (await call(KEY, path(lead.id))).json()).features : {});
	if (mine !== turn) return;
	$("card").replaceWith(el("gatekeeper-warning", { id: "card", lang: lang(), theme: theme() })); // nothing of the lead before
	show();
	if (lead.id) await watch();
};

// The card of the lead that is open, under a new token: each takes one decision.
const watch = async () => {
	const mine = turn, asked = { prospect_id: open.id, user: $("rep").value };
	const { token } = await (await call(KEY, "/v1/tokens", { method: "POST", body: asked })).json();
	if (mine !== turn) return;
	$("card").token = token;
	watched = performance.now();
};

const send = async () => {
	if (!$("fields").querySelector(":invalid")) {
		$("saved").textContent = say("saving");
		await call(KEY, path(open.id), { method: "PUT", body: fields.values() });
		$("saved").textContent = say("saved");
		if (open.stage) { open.stage = undefined; remember(); show(); await watch(); }
	} else $("saved").textContent = say("invalid");
};

$("fields").oninput = () => {
	clearTimeout(timer);
	if (open.id) timer = setTimeout(() => attempt(send), WAIT_MS);
};
$("form").onsubmit = event => {
	event.preventDefault();
	if (open.id) return;
	attempt(async () => {
		const numbers = leads.map(({ id }) => Number(id.slice(2))), lead = { id: `L-${Math.max(2000, ...numbers) + 1}`, name: $("called").value.trim() };
		await call(KEY, path(lead.id), { method: "PUT", body: fields.values() });
		leads.push(lead);
		remember();
		await select(lead);
		$("name").focus();
	});
};
$("example").onclick = () => { fields.example(); $("called").value ||= say("new_title"); };
$("new").onclick = () => attempt(async () => { await select({}); $("called").value = ""; $("called").focus(); });
$("rep").onchange = () => open?.id && attempt(watch);
$("answer").addEventListener("gatekeeper-assessment", ({ detail }) => { open.kind = detail.kind === "unknown" ? "review" : detail.kind; show(); });
$("answer").addEventListener("gatekeeper-decision", ({ detail }) => { open.stage = STAGES[detail.choice]; remember(); show(); });
// A token that ends is followed by another; one that was refused at once is not.
$("answer").addEventListener("gatekeeper-expired", () => open?.id && !open.stage && performance.now() - watched > RENEW_MS && attempt(watch));
kept.set("key", KEY, sessionStorage); // so that the link to /decisions opens
switches($("bar"), say, () => {
	$("card").lang = lang();
	$("card").setAttribute("theme", theme());
	fields?.word();
	show();
});
attempt(load);
