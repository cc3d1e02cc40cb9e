# ruff: noqa: RUF001  Japanese text takes Japanese punctuation
"""What the card says beside an answer's title and message, in English and Japanese."""

from __future__ import annotations

from models.value import Period
from service import texts
from service.settings import Language

Words = dict[str, str]

WORDS: dict[Language, Words] = {
    "en": {
        "horizon": "Risk of leaving within {span}",
        "interval": "80% interval: {low} to {high}%",
        "ltv_minus": "LTV-minus",
        "leaves_early": "{percent}% chance that it never pays back",
        "margin_negative": "On these terms, its margin is negative",
        "why": "Why, in points that add up",
        "base": "Average customer",
        "rest": "Everything else",
        "total": "This prospect",
        "true": "yes",
        "false": "no",
        "null": "not known",
        "missing": "Not known: {names}",
        "unknown": "A value never seen before: {names}",
        "out_of_range": "Outside what was ever seen: {names}",
        "more": "and {count} more",
        "comma": ", ",
        "capped": "There is too little evidence for more than a review.",
        "store_unavailable": "What is on record cannot be reached just now.",
    },
    "ja": {
        "horizon": "{span}以内に解約するリスク",
        "interval": "80%区間：{low}〜{high}%",
        "ltv_minus": "LTVマイナス",
        "leaves_early": "費用を回収できない確率 {percent}%",
        "margin_negative": "現在の条件では粗利がマイナスです",
        "why": "理由（ポイントの合計がリスク）",
        "base": "顧客全体の平均",
        "rest": "その他",
        "total": "この見込み客",
        "true": "はい",
        "false": "いいえ",
        "null": "不明",
        "missing": "不明な項目：{names}",
        "unknown": "過去にない値：{names}",
        "out_of_range": "過去の範囲外の値：{names}",
        "more": "ほか{count}件",
        "comma": "、",
        "capped": "根拠が少ないため、「要確認」までにとどめています。",
        "store_unavailable": "保存されている情報を現在参照できません。",
    },
}
"""What the service fills in."""

BUTTONS: dict[Language, Words] = {
    "en": {
        "decide": "Your decision",
        "declined": "Decline with respect",
        "review": "Ask for review",
        "proceeded": "Proceed",
        "anyway": "Proceed anyway",
        "override": "Why go ahead against this warning?",
        "reason": "Reason (optional)",
        "honest": "An honest no, said early, spares both sides.",
        "required": "Please give a reason.",
        "cancel": "Cancel",
        "sending": "Saving…",
        "failed": "This could not be saved. Please try again.",
        "conflict": "This card was used for another decision already.",
        "done_declined": "Declined with respect",
        "done_review": "Review asked for",
        "done_proceeded": "Going ahead",
        "net": "Expected net value",
        "to": " to ",
        "model": "Model",
        "expired": "This card has expired. Open the prospect again to decide.",
    },
    "ja": {
        "decide": "あなたの判断",
        "declined": "誠実にお断りする",
        "review": "確認を依頼する",
        "proceeded": "商談を進める",
        "anyway": "それでも進める",
        "override": "警告に反して進める理由",
        "reason": "理由（任意）",
        "honest": "早めの誠実なお断りは、双方のためになります。",
        "required": "理由を入力してください。",
        "cancel": "キャンセル",
        "sending": "保存しています…",
        "failed": "保存できませんでした。もう一度お試しください。",
        "conflict": "このカードではすでに別の判断が記録されています。",
        "done_declined": "誠実にお断りしました",
        "done_review": "確認を依頼しました",
        "done_proceeded": "商談を進めます",
        "net": "予測純価値",
        "to": "〜",
        "model": "モデル",
        "expired": "有効期限が切れました。判断するには、もう一度開いてください。",
    },
}
"""What the script sets as the rep acts."""


def horizon(periods: int, period: Period, lang: Language) -> str:
    """What the risk is the risk of."""
    span = texts.span_of(periods, period, lang)
    return WORDS[lang]["horizon"].format(span=f"1 {span}" if span == period else span)
