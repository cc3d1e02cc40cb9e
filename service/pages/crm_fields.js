// The fields of a lead, as the live model names them; empty is "not known", and is not sent.

import { el, lang } from "./shared.js";

export class Fields {
	#features; #say; #inputs;

	constructor(host, features, say) {
		this.#features = features; this.#say = say;
		this.#inputs = features.map(feature => this.#input(feature));
		host.replaceChildren(...features.map((feature, at) => el("label", {}, el("span"), this.#inputs[at])));
		this.word();
	}

	// Say labels and choices in the language shown.
	word() {
		this.#features.forEach(({ label = {}, name, unit }, at) => {
			const input = this.#inputs[at], title = label[lang()] ?? label.en ?? name;
			input.previousSibling.textContent = unit ? `${title} (${unit})` : title;
			for (const option of input.querySelectorAll?.("[data-is]") ?? []) option.textContent = this.#say(option.dataset.is);
		});
	}

	fill(values) {
		this.#features.forEach(({ name, kind }, at) => {
			const input = this.#inputs[at], value = values[name], text = value === undefined || value === null ? "" : String(value);
			if (kind === "category" && ![...input.options].some(option => option.value === text)) input.append(el("option", { value: text }, text));
			input.value = text;
		});
	}

	values() {
		const known = this.#features.map(({ name, kind }, at) => {
			const text = this.#inputs[at].value;
			return [name, text === "" ? null : kind === "number" ? Number(text) : kind === "flag" ? text === "true" : text];
		});
		return Object.fromEntries(known.filter(([, value]) => value !== null));
	}

	// Somebody whom the model has seen many of.
	example() {
		this.#features.forEach(({ kind, categories = [], low = 0, high = 100 }, at) => {
			this.#inputs[at].value = { category: categories[0], flag: "true", number: Math.round((low + high) / 2), date: new Date().toISOString().slice(0, 10) }[kind];
		});
	}

	#input({ kind, categories = [], rare = [] }) {
		if (kind === "number") return el("input", { type: "number", step: "any" });
		if (kind === "date") return el("input", { type: "date" });
		const options = kind === "flag" ? [["true", "yes"], ["false", "no"]].map(([value, is]) => el("option", { value, "data-is": is }))
			: [...categories, ...rare].map(value => el("option", { value }, value));
		return el("select", {}, el("option", { value: "", "data-is": "unknown" }), ...options);
	}
}
