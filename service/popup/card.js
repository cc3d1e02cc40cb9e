// <gatekeeper-warning token="…" lang="ja" theme="dark">: one prospect's assessment, live, and the rep's decision on it.
// The service words it (view.py); here it is shown, as text, never as HTML. See docs/popup.md.
{
const HOME = new URL(document.currentScript?.src || location.href).origin;
const SILENT_MS = 40000, RETRY_MS = 500, RETRY_MOST_MS = 15000, TRIES = 4;

const WORDS = {
	en: { loading: "Looking at this prospect…", offline: "No connection. Trying again…", refused: "This card cannot be shown." },
	ja: { loading: "この見込み客を確認しています…", offline: "接続できません。再試行しています…", refused: "このカードは表示できません。" },
};

const CIRCLE = "M12 1.5a10.5 10.5 0 1 0 .01 0Z", ICONS = {
	warning: ["M12 2.5 23 21.5H1Z", "M12 9.5v5.3M12 18v.3"], review: ["M12 1 23 12 12 23 1 12Z", "M12 7v6.3M12 16.6v.3"],
	clear: [CIRCLE, "m7.5 12.3 3 3 6-6.4"], unknown: [CIRCLE, "M7.5 12h9"], not_scored: [CIRCLE, "M7.5 12h9"],
};

const CSS = new CSSStyleSheet();
CSS.replaceSync(`
:host{display:block;container-type:inline-size;color-scheme:light dark;--ink:light-dark(#1b1c1f,#f1f1f3);--soft:light-dark(#5a5f66,#a9adb5);
--line:light-dark(#e3e5e8,#3a3c42);--paper:light-dark(#fff,#1b1c1f);--red:light-dark(#b3261e,#ff8a80);--green:light-dark(#1d6f42,#79d29b);
font:15px/1.5 system-ui,"Hiragino Sans","Yu Gothic UI","Noto Sans JP",sans-serif}
:host([hidden]){display:none}:host([theme=light]){color-scheme:light}:host([theme=dark]){color-scheme:dark}
section{--tone:var(--soft);max-width:560px;margin:auto;box-sizing:border-box;padding:20px 24px;background:var(--paper);color:var(--ink);
border:1px solid var(--line);border-top:4px solid var(--tone);border-radius:12px;box-shadow:0 6px 24px #0001;overflow-wrap:anywhere}
.warning{--tone:var(--red)}.review{--tone:light-dark(#8a5a00,#f2b84b)}.clear{--tone:var(--green)}
.new{animation:in .25s ease-out}@keyframes in{from{opacity:0;transform:translateY(6px)}}
h2,h3,p,ul{margin:0;padding:0;list-style:none}h2{font-size:20px;line-height:1.3}h3{font-size:13px;color:var(--soft);margin:20px 0 6px}
header{display:flex;gap:14px;align-items:center}svg{flex:none;width:34px;fill:none;stroke-linecap:round;stroke-linejoin:round;stroke-width:2}
path:first-child{fill:var(--tone);stroke:var(--tone);stroke-width:1}path+path{stroke:var(--paper)}
.score{font-size:24px;font-weight:650;line-height:1.3;color:var(--tone);margin-top:12px}.soft{color:var(--soft);font-size:13px}
.scale,.bar{position:relative;height:8px;border-radius:4px;background:var(--line);margin:8px 0 4px}
i{position:absolute;top:0;bottom:0;min-width:2px;border-radius:2px;background:var(--soft)}.scale i{background:var(--tone);opacity:.4}
b{position:absolute;top:-4px;width:4px;height:16px;margin-left:-2px;border-radius:2px;background:var(--tone)}
.message,.money,.notes{margin-top:14px}.money,.act{display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center}
.badge{border:1px solid var(--red);color:var(--red);border-radius:99px;padding:0 10px;font-size:13px;font-weight:600}
li{display:grid;grid-template-columns:1fr 160px 3em;gap:0 12px;align-items:center;padding:3px 0;font-size:14px}
li :last-child{text-align:right;font-variant-numeric:tabular-nums}.bar{background:none;border-radius:0;height:12px;margin:0}
.up i{background:var(--red)}.down i{background:var(--green)}.total{border-top:1px solid var(--line);font-weight:650}.total i{background:var(--tone)}
.act{gap:8px;margin-top:20px}button{flex:auto;min-height:40px;padding:6px 10px;font:inherit;font-size:14px;font-weight:600;color:inherit;background:none;border:1px solid var(--soft);
border-radius:8px;cursor:pointer}.main{background:var(--ink);border-color:var(--ink);color:var(--paper)}
:focus-visible{outline:3px solid light-dark(#1a5fd0,#8ab4f8);outline-offset:2px}label,.done{display:block;font-weight:600;margin-top:20px}
textarea{box-sizing:border-box;width:100%;min-height:72px;margin-top:6px;padding:8px 10px;font:inherit;color:inherit;background:none;
border:1px solid var(--soft);border-radius:8px;resize:vertical}.wrong{color:var(--red);font-weight:600;margin-top:12px}
footer{margin-top:18px;padding-top:10px;border-top:1px solid var(--line)}.live{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@container (max-width:430px){section{padding:16px}.score{font-size:20px}.act{flex-direction:column;align-items:stretch}li{grid-template-columns:1fr 3em}.bar{grid-area:2/1/3/3}}
@media (prefers-reduced-motion:reduce){.new{animation:none}}@media (forced-colors:active){i,b{background:CanvasText!important}}`);

const pause = ms => new Promise(done => setTimeout(done, ms));
const el = (tag, attributes, ...children) => {
	const node = document.createElementNS(`http://www.w3.org/${/svg|path/.test(tag) ? "2000/svg" : "1999/xhtml"}`, tag);
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	node.append(...children.filter(child => child));
	return node;
};
const p = (kind, text) => text && el("p", { class: kind }, text);
const mark = (tag, left, width) => {
	const node = el(tag, {});
	node.style.left = left + "%";
	if (width) node.style.width = width + "%";
	return node;
};
// What a token says; whether it is true, the service knows.
const claimsOf = token => {
	try {
		const bytes = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
		return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, c => c.charCodeAt(0))));
	} catch { return null; }
};

class GatekeeperWarning extends HTMLElement {
	static observedAttributes = ["token", "lang"];
	#root = this.attachShadow({ mode: "open" });
	#section = el("section", { "aria-labelledby": "title" });
	#live = el("div", { class: "live", role: "status" });
	#claims; #stream; #timer; #card; #next; #asking; #decided;
	#state = "loading"; #wrong = ""; #reason = ""; #busy;

	connectedCallback() {
		this.#root.adoptedStyleSheets = [CSS];
		this.#root.replaceChildren(this.#section, this.#live);
		this.#start();
	}
	disconnectedCallback() { this.#stop(); }
	attributeChangedCallback() { if (this.#section.isConnected) this.#start(); }
	set token(token) { this.setAttribute("token", token); }

	// Shows a card, but not instead of one on which the rep is deciding, or a button is down.
	show(card) {
		this.#next = card;
		if (this.#asking || this.#busy || this.#decided) return;
		if (this.#root.querySelector(":active")) return setTimeout(() => this.#next && this.show(this.#next), 100);
		this.#next = null;
		const fresh = card.kind !== this.#card?.kind;
		this.#card = card;
		this.#render("", fresh);
		this.#emit("assessment", { decision_id: card.decision_id, kind: card.kind });
	}

	get #lang() { return (this.lang || this.closest("[lang]")?.lang || navigator.language).startsWith("ja") ? "ja" : "en"; }
	#emit(name, detail) { this.dispatchEvent(new CustomEvent("gatekeeper-" + name, { detail, bubbles: true, composed: true })); }
	#focus(is) { this.#root.querySelector(`[data-is=${is}]`)?.focus(); }
	#stop() { this.#stream?.abort(); clearTimeout(this.#timer); }

	#start() {
		const token = this.getAttribute("token"), claims = token && claimsOf(token);
		this.#stop();
		if (claims?.jti !== this.#claims?.jti) this.#decided = null;
		if (claims?.prospect !== this.#claims?.prospect) this.#card = null;
		this.#claims = claims;
		if (token && !claims) return this.#end();
		this.#render(this.#card ? "" : "loading");
		if (!claims) return;
		this.#timer = setTimeout(() => this.#end(), 1000 * (claims.exp - claims.iat));
		this.#follow(this.#stream = new AbortController());
	}

	// The token is over. What is on the screen stays until the page sets another.
	#end() {
		this.#stop();
		this.#asking = null; this.#busy = false;
		this.#render(this.#card ? "expired" : "refused");
		this.#emit("expired", {});
	}

	#fetch(path, { headers, ...options }) {
		return fetch((this.getAttribute("service") || HOME) + path, { ...options, credentials: "omit", referrerPolicy: "no-referrer",
			headers: { authorization: "Bearer " + this.getAttribute("token"), ...headers } });
	}

	async #follow({ signal }) {
		const path = `/v1/prospects/${encodeURIComponent(this.#claims.prospect)}/events?lang=${this.#lang}`;
		for (let wait = RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, RETRY_MOST_MS)) {
			try {
				const response = await this.#fetch(path, { signal });
				if (response.ok) { wait = RETRY_MS; await this.#read(response.body, signal); }
				else if (response.status < 500) return this.#end();
			} catch { /* again */ }
			if (signal.aborted) return;
			if (!this.#card) this.#render("offline");
			await pause(wait * (0.5 + Math.random() / 2));
		}
	}

	async #read(body, signal) {
		const reader = body.pipeThrough(new TextDecoderStream()).getReader();
		for (let text = "";;) {
			const timer = setTimeout(() => reader.cancel(), SILENT_MS), { value, done } = await reader.read();
			clearTimeout(timer);
			if (done || signal.aborted) return;
			const events = (text + value).split("\n\n");
			text = events.pop();
			for (const event of events) if (event.startsWith("event: card\ndata: ")) this.show(JSON.parse(event.slice(18)));
		}
	}

	#render(state = this.#state, fresh = false) {
		const card = this.#card, words = WORDS[this.#lang], focused = this.#root.activeElement?.dataset.is;
		this.#state = state;
		this.#section.className = (card?.kind || "") + (fresh ? " new" : "");
		this.#section.lang = card?.lang || this.#lang;
		this.#section.replaceChildren(...card ? this.#parts(card) : [el("p", { id: "title", class: "soft" }, words[state])]);
		this.#focus(focused);
		const said = this.#decided ? card.words["done_" + this.#decided.choice] : this.#state === "expired" ? card.words.expired : card ? [card.title, card.score, card.message].join(". ") : words[state];
		this.#live.ariaLive = card?.kind === "warning" ? "assertive" : "polite";
		if (this.#live.textContent !== said) this.#live.textContent = said;
	}

	#parts(card) {
		const { scale, net, bars } = card, money = net && new Intl.NumberFormat(card.lang, { style: "currency", currency: net.currency, maximumFractionDigits: 0 });
		const range = net && net.low !== null ? ` (${money.format(net.low)}${card.words.to}${money.format(net.high)})` : "";
		const at = new Intl.DateTimeFormat(card.lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(card.scored_at));
		return [
			el("header", {}, el("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, ...ICONS[card.kind].map(d => el("path", { d }))), el("h2", { id: "title" }, card.title)),
			p("score", card.score),
			scale && el("div", { class: "scale", "aria-hidden": true }, scale.low !== null && mark("i", scale.low, scale.high - scale.low), mark("b", scale.percent)),
			p("soft", card.about),
			p("message", card.message),
			net && el("div", { class: "money" }, card.ltv_minus && el("span", { class: "badge" }, card.ltv_minus), card.why_minus && el("strong", {}, card.why_minus),
				el("span", { class: "soft" }, `${card.words.net} ${money.format(net.value)}${range}`)),
			bars[0] && el("h3", {}, card.why),
			bars[0] && el("ul", { role: "list" }, ...bars.map(bar => el("li", { class: bar.kind }, el("span", {}, bar.label),
				el("span", { class: "bar", "aria-hidden": true }, mark("i", bar.start, bar.width)), el("span", {}, bar.text)))),
			card.notes[0] && el("div", { class: "notes" }, ...card.notes.map(note => p("soft", note))),
			this.#act(card),
			el("footer", { class: "soft" }, `${card.words.model} ${card.model} · ${at}`),
		].filter(Boolean);
	}

	#act({ kind, words }) {
		const button = (is, text, main, click) => {
			const node = el("button", { type: "button", "data-is": is, class: main ? "main" : "", "aria-disabled": !!this.#busy }, text);
			node.onclick = () => this.#busy || click();
			return node;
		};
		if (this.#decided) return el("p", { class: "done", tabindex: -1, "data-is": "done" }, "✓ " + words["done_" + this.#decided.choice]);
		if (this.#state === "expired") return p("wrong", words.expired);
		if (kind === "not_scored" || !this.#claims?.act.includes("decide")) return null;
		const wrong = this.#wrong && el("p", { class: "wrong", role: "alert", id: "wrong" }, this.#wrong), group = { role: "group", "aria-label": words.decide };
		if (!this.#asking) return el("div", group, el("div", { class: "act" },
			button("declined", words.declined, kind === "warning", () => this.#ask("declined")),
			button("review", words.review, kind === "review" || kind === "unknown", () => this.#decide("review")),
			button("proceeded", words.proceeded, kind === "clear", () => kind === "warning" ? this.#ask("proceeded") : this.#decide("proceeded"))), wrong);
		const must = this.#asking === "proceeded";
		const text = el("textarea", { id: "reason", "data-is": "reason", maxlength: 500, "aria-required": must, "aria-invalid": !!wrong, ...wrong && { "aria-describedby": "wrong" } });
		text.value = this.#reason;
		text.oninput = () => { this.#reason = text.value; };
		text.onkeydown = event => { if (event.key === "Escape") this.#ask(); };
		return el("div", group, el("label", { for: "reason" }, must ? words.override : words.reason), text, !must && p("soft", words.honest), wrong,
			el("div", { class: "act" }, button("send", this.#busy ? words.sending : words[this.#asking], true,
				() => must && !this.#reason.trim() ? this.#fail(words.required, "reason") : this.#decide(this.#asking)),
			button("cancel", words.cancel, false, () => this.#ask())));
	}

	// Ask for a reason; without a choice, go back.
	#ask(choice) {
		const back = this.#asking;
		this.#asking = choice; this.#wrong = this.#reason = "";
		if (!choice && this.#next) this.show(this.#next); else this.#render();
		this.#focus(choice ? "reason" : back);
	}

	#fail(text, focus) {
		this.#wrong = text; this.#busy = false;
		this.#render();
		this.#focus(focus);
	}

	// Sent again until answered: under the token's own id it counts once.
	async #decide(choice) {
		const { decision_id, words } = this.#card, reason = this.#reason.trim();
		this.#busy = true; this.#wrong = "";
		this.#render();
		for (let turn = 0; turn < TRIES; turn++) {
			if (turn) await pause(RETRY_MS * 2 ** turn);
			const response = await this.#fetch("/v1/decisions", { method: "POST", headers: { "content-type": "application/json", "idempotency-key": this.#claims.jti },
				body: JSON.stringify({ decision_id, choice, user: this.#claims.sub, ...reason && { reason } }) }).catch(() => null);
			if (!this.#busy) return;
			if (response?.ok) {
				this.#stop();
				this.#busy = false; this.#asking = null; this.#decided = { choice };
				this.#render();
				this.#focus("done");
				return this.#emit("decision", { choice, decision_id });
			}
			if (response?.status === 401) return this.#end();
			if (response && response.status < 500) return this.#fail(response.status === 409 ? words.conflict : words.failed);
		}
		this.#fail(words.failed);
	}
}
if (!customElements.get("gatekeeper-warning")) customElements.define("gatekeeper-warning", GatekeeperWarning);
}
