// The parts of the page of decisions, each made of what the service has summed up.

import { brief, el, kept, lang, money, number, percent, when } from "./shared.js";
import { columns, drawInto, legend, line, share, stack } from "./plots.js";

const DASH = "–", REASONS = 5;
const RISK = { low: "green", medium: "amber", high: "red" }, BECAME = { won: "accent", lost: "grey", stayed: "green", churned: "red" };
const sum = (all, name) => all.reduce((total, each) => total + each[name], 0);
const panel = (title, ...children) => el("section", { class: "panel" }, el("h2", {}, title), ...children);

export const tiles = ({ summary: { warned, declines, overrides, reps }, say }) => {
	const tile = (name, count, under) => el("section", { class: "panel" }, el("h2", {}, say(name)), el("p", { class: "number" }, number(count)), el("p", { class: "soft" }, under));
	return el("div", { class: "tiles" },
		tile("warned", warned, say("warned_sub")),
		tile("refusals", declines.counted, declines.all_clear ? say("refusals_sub", { count: number(declines.all_clear) }) : say("refusals_none")),
		tile("overrides", overrides.count, say("overrides_sub")),
		tile("reviews", sum(reps, "review"), say("reviews_sub")));
};

export const refusals = ({ summary: { refusals: { right, wrong, open }, held_out: held }, say }) => {
	const parts = [{ tone: "green", name: say("right"), count: right }, { tone: "red", name: say("wrong"), count: wrong }, { tone: "faint", name: say("open"), count: open }];
	const known = right + wrong;
	return panel(say("proved"), el("p", { class: "number" }, known ? `${number(right)} / ${number(known)}` : DASH), stack(parts), legend(parts),
		el("p", { class: "said soft" }, known ? say("proved_on", { right, known }) : say("proved_none")),
		held.people > 0 && el("p", { class: "said soft" }, held.known
			? say("held_on", { known: held.known, churned: held.churned, share: percent(held.share), low: percent(held.low), high: percent(held.high) })
			: say("held_none", { people: held.people })));
};

export const overrides = ({ summary: { overrides: { count, turned } }, say }) => {
	const tones = { churned: "red", stayed: "green", won: "accent", lost: "grey", unknown: "faint" };
	const parts = Object.entries(tones).map(([name, tone]) => ({ tone, name: say(name), count: turned[name] }));
	return panel(say("turned"), el("p", { class: "number" }, number(count)), stack(parts), count ? legend(parts.filter(each => each.count)) : el("p", { class: "said soft" }, say("turned_none")));
};

export const reasons = ({ summary: { declines, overrides }, say }) => [
	[say("reasons"), declines.by_reason, "accent", say("reasons_none")],
	[say("override_reasons"), overrides.by_reason, "red", say("turned_none")],
].map(([title, told, tone, none]) => panel(title, told.length
	? el("ol", { class: "reasons", role: "list" }, ...told.slice(0, REASONS).map(({ of, count }) => el("li", {},
		el("span", { class: of === null ? "soft" : null }, of ?? say("no_reason")), share(count / told[0].count, tone), el("span", {}, number(count)))))
	: el("p", { class: "soft" }, none)));

const KINDS = [["declined", "accent", each => each.declined + each.all_clear], ["review", "amber", each => each.review],
	["overridden", "red", each => each.overrides], ["other", "grey", each => each.proceeded - each.overrides]];

// What revenue is judged by: name, the value of a standing or null, how it is written, in brief too, and its highest.
const worths = currency => [
	["pltv", each => each.pltv, value => currency ? money(value, currency) : number(value), value => brief(value, currency)],
	["cpa", each => each.pltv_to_cpa, value => number(value, 1), value => brief(value)],
	["retention", each => each.known ? each.stayed / each.known : null, percent, percent, 1],
];

export const course = ({ summary: { over_time: { step, stretches }, everyone, currency }, say }) => {
	const dayOf = new Intl.DateTimeFormat(lang(), { timeZone: "UTC", ...step === "month" ? { year: "2-digit", month: "short" } : { month: "short", day: "numeric" } });
	const labels = stretches.map(each => dayOf.format(new Date(each.of)));
	const kinds = KINDS.map(([name, tone, count]) => ({ tone, name: say(name), values: stretches.map(count) }));
	const small = worths(currency).map(([name, of, write, short, most]) => {
		const values = stretches.map(of), all = of(everyone), label = `${say(name)}: ${all === null ? say("nothing") : write(all)}`;
		return el("div", {}, el("h3", {}, say(name)), el("p", { class: "number" }, all === null ? DASH : write(all)), el("p", { class: "soft" }, all === null ? say("nothing") : say(name + "_sub")),
			all !== null && stretches.length > 1 && drawInto(el("div", { class: "plot" }), width => line(width, { labels, values, label, write, brief: short, most })));
	});
	const head = [say("stretch"), ...kinds.map(kind => kind.name), ...worths(currency).map(([name]) => say(name))];
	return panel(`${say("course")} · ${say(step)}`,
		drawInto(el("div", { class: "plot" }), width => columns(width, { labels, kinds, label: `${say("course")}: ${kinds.map(kind => `${kind.name} ${kind.values.reduce((a, b) => a + b, 0)}`).join(", ")}` })),
		legend(kinds.map(({ tone, name }) => ({ tone, name }))), el("div", { class: "thirds" }, ...small),
		el("details", {}, el("summary", {}, say("figures")), table(say("course"), head,
			stretches.map((each, at) => [each.of, ...kinds.map(kind => number(kind.values[at])), ...worths(currency).map(([, of, write]) => of(each) === null ? DASH : write(of(each)))]))));
};

const table = (label, head, body) => el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, el("table", {},
	el("thead", {}, el("tr", {}, ...head.map(text => el("th", { scope: "col" }, text)))),
	el("tbody", {}, ...body.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map(cell => el("td", {}, cell)))))));

export const reps = ({ summary: { reps: all, currency }, say }) => panel(say("reps"), table(say("reps"),
	[...["rep", "decisions", "refused", "proved_right", "overrides", "pltv", "cpa", "retention", "all_clear"].map(name => say(name))],
	all.map(each => [each.of,
		el("span", {}, number(each.decisions), stack(KINDS.map(([, tone, count]) => ({ tone, count: count(each) })))),
		number(each.declined), each.right + each.wrong ? `${number(each.right)} / ${number(each.right + each.wrong)}` : DASH, number(each.overrides),
		...worths(currency).map(([, of, write]) => of(each) === null ? DASH : write(of(each))), number(each.all_clear)])),
	el("p", { class: "soft said" }, say("reps_note")));

export const entries = ({ rows, say }, more) => {
	const override = row => row.choice === "proceeded" && row.shown === "do_not_chase", clear = row => row.action === "proceed" && row.band === "low";
	const tone = row => override(row) ? "red" : { declined: "accent", review: "amber", proceeded: "grey" }[row.choice];
	return panel(say("list"), el("ol", { class: "list", role: "list" }, ...rows.map(row => el("li", {},
		el("div", {}, el("span", { class: "chip " + tone(row) }, say(override(row) ? "overridden" : row.choice))),
		el("div", {}, row.reason !== null && el("p", {}, row.reason), el("p", { class: "soft" }, `${row.user} · ${when(row.decided_ms)}`),
			row.choice === "declined" && clear(row) && el("p", { class: "soft" }, say("not_counted")), row.held_out && el("p", { class: "soft" }, say("seen_review"))),
		el("div", {}, el("p", {}, `${say("risk", { percent: percent(row.score) })} · ${say(row.band)}`), share(row.score, RISK[row.band])),
		el("div", {}, row.outcome ? el("span", { class: "chip " + BECAME[row.outcome] }, say(row.outcome)) : el("span", { class: "soft" }, say("unknown")),
			row.pltv !== null && row.currency && el("p", { class: "soft" }, say("ltv_of", { money: money(row.pltv, row.currency) })))))),
		el("div", { class: "more row" }, el("p", { class: "soft", role: "status" }, say("listed", { count: number(rows.length) })), more));
};

export const empty = ({ say }, clear) => el("section", { class: "panel empty" }, el("h2", {}, say("empty")), el("p", { class: "soft" }, clear ? say("empty_filtered") : say("empty_next")),
	clear ? el("button", { type: "button", onclick: clear }, say("clear")) : kept.get("key", sessionStorage) === "dev" && el("a", { href: "/" }, say("mock")));
