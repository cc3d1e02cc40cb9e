// Plots as SVG, as wide as what holds them, drawn again when that changes.

import { el, number } from "./shared.js";

const LEFT = 46, RIGHT = 6, TOP = 8, BOTTOM = 22, LABEL_PX = 64;

// Draw into `host` what `drawn(width)` makes.
export const drawInto = (host, drawn) => {
	let width = 0;
	new ResizeObserver(() => {
		if (host.clientWidth && host.clientWidth !== width) host.replaceChildren(drawn(width = host.clientWidth));
	}).observe(host);
	return host;
};

const frame = (width, height, label, ...children) =>
	el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);

// 1, 2 or 5 times a power of ten, so that three lines of a grid reach `most`.
const stepOf = most => {
	const power = 10 ** Math.floor(Math.log10(most / 3));
	return [1, 2, 5, 10].map(times => times * power).find(step => step * 3 >= most);
};

const along = (labels, width, x) => {
	const every = Math.ceil(labels.length / Math.max(1, Math.floor(width / LABEL_PX)));
	return labels.map((label, at) => at % every ? null : [x(at), label]).filter(Boolean);
};

const foot = (labels, width, height, x) => along(labels, width, x).map(([at, label]) => {
	const anchor = at < LEFT + 20 ? "start" : at > width - 30 ? "end" : "middle";
	return el("text", { x: anchor === "start" ? LEFT : anchor === "end" ? width - RIGHT : at, y: height - 5, "text-anchor": anchor }, label);
});

// Stacked columns: kinds = [{tone, name, values}], a value for each label.
export const columns = (width, { labels, kinds, label, height = 190 }) => {
	const totals = labels.map((_, at) => kinds.reduce((sum, kind) => sum + kind.values[at], 0));
	const step = Math.max(1, stepOf(Math.max(...totals, 1))), top = step * Math.ceil(Math.max(...totals, 1) / step);
	const slot = (width - LEFT - RIGHT) / labels.length, wide = Math.max(2, Math.min(36, slot * 0.66));
	const x = at => LEFT + slot * (at + 0.5), y = value => TOP + (height - TOP - BOTTOM) * (1 - value / top);
	const lines = [];
	for (let value = 0; value <= top; value += step) lines.push(
		el("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
		el("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)));
	const bars = labels.flatMap((stretch, at) => {
		let under = 0;
		return kinds.map(({ tone, name, values }) => {
			if (!values[at]) return null;
			const low = y(under), high = y(under += values[at]);
			return el("rect", { class: "fill " + tone, x: x(at) - wide / 2, y: high + 0.5, width: wide, height: Math.max(1, low - high - 1), rx: 2 },
				el("title", {}, `${stretch} · ${name}: ${values[at]}`));
		});
	});
	return frame(width, height, label, ...lines, ...bars, ...foot(labels, width, height, x));
};

// A line through the values that are known, from 0 to `most` or the highest; null is passed over.
export const line = (width, { labels, values, label, write, brief, most, height = 110 }) => {
	const known = values.filter(value => value !== null), low = Math.min(0, ...known), high = most ?? Math.max(...known, low + 1e-9);
	const slot = (width - LEFT - RIGHT) / labels.length;
	const x = at => LEFT + slot * (at + 0.5), y = value => TOP + (height - TOP - BOTTOM) * (1 - (value - low) / (high - low));
	const path = values.map((value, at) => value === null ? "" : `${at && values.slice(0, at).some(each => each !== null) ? "L" : "M"}${x(at)} ${y(value)}`).join("");
	return frame(width, height, label,
		...[0, high].flatMap(value => [el("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
			el("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, brief(value))]), el("path", { class: "line", d: path }),
		...values.map((value, at) => value === null ? null : el("circle", { class: "dot", cx: x(at), cy: y(value), r: known.length > 20 ? 2 : 3.5 },
			el("title", {}, `${labels[at]}: ${write(value)}`))), ...foot(labels, width, height, x));
};

// Parts of a whole, side by side: [{tone, count}].
export const stack = parts => {
	const node = el("div", { class: "stack", "aria-hidden": "true" });
	for (const { tone, count } of parts) if (count) {
		const part = el("i", { class: tone });
		part.style.flex = count;
		node.append(part);
	}
	return node;
};

export const legend = parts => el("ul", { class: "legend", role: "list" }, ...parts.map(({ tone, name, count }) =>
	el("li", {}, el("i", { class: tone }), name + (count === undefined ? "" : ` ${number(count)}`))));

// A share of 0 to 1 as a bar.
export const share = (value, tone) => {
	const part = el("i", { class: tone });
	part.style.width = 100 * value + "%";
	return el("span", { class: "share", "aria-hidden": "true" }, part);
};
