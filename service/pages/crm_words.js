// What the mock CRM says, in English and Japanese, and the leads it begins with: shops that do not exist.

export const WORDS = {
	en: {
		title: "Mock CRM · Gatekeeper", heading: "Leads", mock: "Mock CRM", rep: "Signed in as", decisions: "Decisions",
		about: "A stand-in for your CRM, to try Gatekeeper on one machine. It is no part of a deployment. The card on it is the real one.",
		leads: "Leads", none: "No leads yet. Add the first one.", new: "New lead", hint: "Open a lead, or add one: the card appears here.",
		see: "See this decision among all others", name: "Name", new_title: "New lead", new_under: "What is known of it, as the live model asks for it",
		create: "Save the lead", example: "Fill in an example", known: "{id} · changes are sent as you make them",
		unknown: "not known", yes: "yes", no: "no", saving: "Sending…", saved: "Sent. The card follows.", invalid: "Something here is not a number or a date that can be.",
		warning: "Warning", review: "Review", clear: "All clear", not_scored: "Not scored",
		declined: "Declined", proceeded: "Going ahead", asked: "In review",
		401: "The key “dev” is accepted from this machine alone.", away: "The service does not answer just now. Please try again.", refused: "The service did not take this.",
	},
	ja: {
		title: "模擬CRM · Gatekeeper", heading: "見込み客", mock: "模擬CRM", rep: "担当者", decisions: "判断の記録",
		about: "Gatekeeperを手元で試すための、CRMの代わりの画面です。本番環境には含まれません。カードは本物です。",
		leads: "見込み客", none: "見込み客はまだありません。最初の1件を追加してください。", new: "新規登録", hint: "見込み客を開くか追加すると、ここにカードが表示されます。",
		see: "この判断を記録で見る", name: "名前", new_title: "見込み客の新規登録", new_under: "稼働中のモデルが使う項目です",
		create: "登録する", example: "例を入力", known: "{id} · 変更はその場で送信されます",
		unknown: "不明", yes: "はい", no: "いいえ", saving: "送信しています…", saved: "送信しました。カードに反映されます。", invalid: "数値または日付として正しくない項目があります。",
		warning: "警告", review: "要確認", clear: "問題なし", not_scored: "判定なし",
		declined: "お断り済み", proceeded: "商談中", asked: "確認依頼中",
		401: "キー「dev」はこのマシンからのみ使えます。", away: "サービスが応答しません。しばらくしてからもう一度お試しください。", refused: "サービスが受け付けませんでした。",
	},
};

export const SAMPLES = [
	["L-1001", "Hillside Bakery"], ["L-1002", "みなと写真館"], ["L-1003", "Aoba Dental Clinic"],
	["L-1004", "Riverside Books"], ["L-1005", "こだま工務店"], ["L-1006", "Nordic Yoga Studio"],
].map(([id, name]) => ({ id, name, sample: true }));
