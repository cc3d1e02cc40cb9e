# ruff: noqa: RUF001  Japanese text takes Japanese punctuation
"""What a rep reads: title and message of an assessment, in English and Japanese, saying no more than the numbers do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from models.assess import Band
from models.policy import Action
from models.value import Cause, Period
from service.bars import Bar
from service.errors import BadInput
from service.settings import LANGUAGES, Language

Finding = Literal["nothing_known", "mismatch", "loss", "policy", "review", "clear"]

_TITLES: dict[Language, dict[Finding | Bar, str]] = {
    "en": {
        "nothing_known": "Not enough information",
        "mismatch": "Mismatch detected",
        "loss": "Expected to lose money",
        "policy": "Outside the policy",
        "review": "Review suggested",
        "clear": "No mismatch detected",
        "no_consent": "Not scored: no consent",
        "erased": "Not scored: data erased",
    },
    "ja": {
        "nothing_known": "情報不足",
        "mismatch": "ミスマッチ検知",
        "loss": "採算割れの見込み",
        "policy": "営業方針の対象外",
        "review": "要確認",
        "clear": "ミスマッチは検知されませんでした",
        "no_consent": "判定なし：同意がありません",
        "erased": "判定なし：データ消去済み",
    },
}

_BANDS: dict[Language, dict[Band, str]] = {
    "en": {"low": "Low", "medium": "Medium", "high": "High"},
    "ja": {"low": "低", "medium": "中", "high": "高"},
}

_OUTLOOK: dict[Language, dict[Band, str]] = {
    "en": {
        "low": "Based on historical churn patterns, this prospect will probably stay beyond the first {span}.",
        "medium": "Based on historical churn patterns, this prospect may leave within the first {span}.",
        "high": "Based on historical churn patterns, this prospect has a low probability of long-term retention.",
    },
    "ja": {
        "low": "過去の解約傾向から、この見込み客は最初の{span}を超えて続く可能性が高いと予測されます。",
        "medium": "過去の解約傾向から、この見込み客は最初の{span}以内に解約する可能性があると予測されます。",
        "high": "過去の解約傾向から、この見込み客が長く続く可能性は低いと予測されます。",
    },
}

_NOTHING_KNOWN: dict[Language, str] = {
    "en": "No feature of this prospect is known, so this score says little about them.",
    "ja": "この見込み客の特徴量が得られていないため、このスコアは参考になりません。",
}

_NOT_SCORED: dict[Language, dict[Bar, str]] = {
    "en": {
        "no_consent": "This person has not agreed to be scored, so no score was made. Go on as you would without one.",
        "erased": "This person's data was erased, so no score was made. Go on as you would without one.",
    },
    "ja": {
        "no_consent": "ご本人の同意がないため、判定していません。判定がない場合と同じように対応してください。",
        "erased": "この方のデータは消去されているため、判定していません。判定がない場合と同じように対応してください。",
    },
}

_LOSS: dict[Language, str] = {
    "en": "On these terms, this prospect is expected to cost more than it brings.",
    "ja": "現在の条件では、この見込み客から得られる利益を費用が上回ると予測されます。",
}

_SCORE: dict[Language, str] = {"en": "Risk Score: {band} ({percent}%).", "ja": "リスクスコア：{band}（{percent}%）。"}

_JA_PERIODS: dict[Period, str] = {"day": "日", "week": "週間", "month": "か月", "quarter": "四半期", "year": "年"}


def finding(action: Action, band: Band, *, cause: Cause | None, nothing_known: bool) -> Finding:
    """What an assessment comes down to: a mismatch is who leaves early; who only costs too much is a loss.

    `cause` is why the prospect is LTV-minus, None when it is not.
    """
    if nothing_known:
        return "nothing_known"
    if band == "high" or (band == "medium" and cause == "leaves_early"):
        return "mismatch"
    if cause:
        return "loss"
    return {"do_not_chase": "policy", "review": "review", "proceed": "clear"}[action]  # type: ignore[return-value]


def title(found: Finding | Bar, lang: Language) -> str:
    """The heading of the pop-up."""
    return _TITLES[lang][found]


def not_scored(why: Bar, lang: Language) -> str:
    """What a rep reads where nobody may score this prospect: no number, and nothing that speaks against them."""
    return _NOT_SCORED[lang][why]


@lru_cache(maxsize=4096)
def message(found: Finding, band: Band, percent: int, span: str, lang: Language) -> str:
    """The score in words, and what it means over `span` (see `span_of`)."""
    separator = " " if lang == "en" else ""
    score = _SCORE[lang].format(band=_BANDS[lang][band], percent=percent)
    if found == "nothing_known":
        return score + separator + _NOTHING_KNOWN[lang]
    outlook = _OUTLOOK[lang][band].format(span=span)
    at_a_loss = found == "loss" or (found == "mismatch" and band != "high")
    return score + separator + outlook + (separator + _LOSS[lang] if at_a_loss else "")


def span_of(periods: int, period: Period, lang: Language) -> str:
    """A number of periods in words: `12 months`, 12か月."""
    if lang == "ja":
        return f"{periods}{_JA_PERIODS[period]}"
    return period if periods == 1 else f"{periods} {period}s"


def language(query: str | None, accept_language: str | None, default: Language) -> Language:
    """The language to answer in: what the query asks for, else the first that we have of what the header prefers.

    Raises:
        BadInput: the query asks for one that we do not have.
    """
    if query is not None:
        if query not in LANGUAGES:
            raise BadInput("?lang", f"expected one of {', '.join(LANGUAGES)}")
        return _LANGUAGE[query]
    preferred = sorted(_weighted(accept_language or ""), key=_weight, reverse=True)
    return next((_LANGUAGE[tag] for tag, weight in preferred if weight > 0 and tag in _LANGUAGE), default)


_LANGUAGE: dict[str, Language] = {lang: lang for lang in LANGUAGES}
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_weight: Callable[[tuple[str, float]], float] = lambda pair: pair[1]  # noqa: E731


def _weighted(header: str) -> list[tuple[str, float]]:
    matches = (_RANGE.fullmatch(part) for part in header[:200].split(","))
    return [(match[1].lower(), float(match[2] or 1)) for match in matches if match]
