"""What the card shows of an answer: its words, and its bars in whole points that add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

from models.contract import Scalar
from service.answers import Answer, Risk
from service.popup.words import BUTTONS, WORDS, Words, horizon
from service.settings import Language

Kind = Literal["warning", "review", "clear", "unknown", "not_scored"]

NAMES_SHOWN = 5
"""Names in one note; of the others, how many there are."""

REST_POINTS = 0.05
"""Points that are left when every feature is shown: what rounding has made of them."""

MINUS = "\N{MINUS SIGN}"
"""A hyphen is narrower than the plus it stands below."""

_KINDS: dict[str, Kind] = {"do_not_chase": "warning", "review": "review", "proceed": "clear"}


class Bar(msgspec.Struct, frozen=True):
    """One bar: whole points, and where it lies, in percent of the width. Each begins where the last one ended."""

    kind: Literal["base", "up", "down", "total"]
    label: str
    text: str
    start: float
    width: float


class Scale(msgspec.Struct, frozen=True):
    """The risk in whole percent, and its interval where there is one."""

    percent: int
    low: int | None
    high: int | None


class Net(msgspec.Struct, frozen=True):
    """The net value, as numbers: the browser knows how its user writes money."""

    currency: str
    value: float
    low: float | None
    high: float | None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """All that the script puts on the screen, as text. `why_minus` says why the prospect is LTV-minus.

    Where nothing is known, neither scale nor bars pretend to more.
    """

    decision_id: str
    lang: Language
    kind: Kind
    title: str
    score: str | None
    scale: Scale | None
    about: str | None
    message: str
    ltv_minus: str | None
    why_minus: str | None
    net: Net | None
    why: str
    bars: list[Bar]
    notes: list[str]
    model: str
    scored_at: str
    words: Words


def card_of(answer: Answer, lang: Language, title_of: Callable[[str], str]) -> Card:
    """The card of an answer in the language `lang`; `title_of` gives a feature's label by its name."""
    words, kind = WORDS[lang], kind_of(answer)
    scored, told = answer.risk is not None, answer.risk if kind != "unknown" else None
    score, _, message = answer.message.partition(". " if lang == "en" else "。") if scored else ("", "", answer.message)
    return Card(
        decision_id=answer.decision_id,
        lang=lang,
        kind=kind,
        title=answer.title,
        score=score or None,
        scale=_scale(told) if told else None,
        about=_about(told, lang) if told else None,
        message=message,
        ltv_minus=words["ltv_minus"] if answer.ltv_minus else None,
        why_minus=_why_minus(answer, words),
        net=_net(answer),
        why=words["why"],
        bars=_bars(answer, told, words) if told else [],
        notes=_notes(answer, words, title_of),
        model=f"{answer.model.name} {answer.model.version[:8]}",
        scored_at=answer.scored_at,
        words={**BUTTONS[lang], "proceeded": BUTTONS[lang]["anyway" if kind == "warning" else "proceeded"]},
    )


def kind_of(answer: Answer) -> Kind:
    """What the answer comes down to for the eye: what is known too little about is no warning and no all-clear."""
    if answer.risk is None:
        return "not_scored"
    if answer.degraded_because == "no_features" or (
        answer.degraded and all(reason.value is None for reason in answer.reasons)
    ):
        return "unknown"
    return _KINDS[answer.action]


def whole_points(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers that add up to `total`, each a share rounded up or down (largest remainders, after Hamilton).

    The shares must add up to `total` to within their number.
    """
    whole = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: whole[at] - shares[at])
    short = total - sum(whole)
    for at in by_remainder[:short] if short >= 0 else by_remainder[short:]:
        whole[at] += 1 if short >= 0 else -1
    return whole


def _bars(answer: Answer, risk: Risk, words: Words) -> list[Bar]:
    """From the mean of the book to this prospect's risk, one step a reason."""
    labels = [f"{_spaced(reason.label)}: {_told(reason.value, words)}" for reason in answer.reasons]
    shares = [reason.points for reason in answer.reasons]
    rest = 100 * (risk.score - risk.base) - sum(shares)
    if abs(rest) >= REST_POINTS or not shares:
        labels, shares = [*labels, words["rest"]], [*shares, rest]
    base = round(100 * risk.base)
    points = whole_points(shares, risk.percent - base)
    ends = list(accumulate(points, initial=base))
    low, high = min(0, *ends), max(1, *ends)

    def bar(kind: Literal["base", "up", "down", "total"], label: str, text: str, start: int, end: int) -> Bar:
        left, right = sorted((start, end))
        return Bar(kind, label, text, _share(left - low, high - low), _share(right - left, high - low))

    steps = zip(labels, points, pairwise(ends), strict=True)
    return [
        bar("base", words["base"], f"{base}%", 0, base),
        *(bar("down" if step < 0 else "up", label, _signed(step), start, end) for label, step, (start, end) in steps),
        bar("total", words["total"], f"{risk.percent}%", 0, risk.percent),
    ]


def _spaced(name: str) -> str:
    """A column's name where there is no label for people."""
    return name.replace("_", " ")


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 2)


def _signed(points: int) -> str:
    return f"{MINUS if points < 0 else '+' if points else ''}{abs(points)}"


def _told(value: Scalar, words: Words) -> str:
    if value is None or isinstance(value, bool):
        return words[msgspec.json.encode(value).decode()]
    return value if isinstance(value, str) else f"{value:,.2f}".rstrip("0").rstrip(".")


def _scale(risk: Risk) -> Scale:
    known = risk.low is not None and risk.high is not None
    return Scale(
        risk.percent, round(100 * (risk.low or 0)) if known else None, round(100 * (risk.high or 0)) if known else None
    )


def _about(risk: Risk, lang: Language) -> str:
    scale, said = _scale(risk), horizon(risk.horizon, risk.period, lang)
    if scale.low is None:
        return said
    return f"{said} · {WORDS[lang]['interval'].format(low=scale.low, high=scale.high)}"


def _why_minus(answer: Answer, words: Words) -> str | None:
    if answer.cause == "margin_negative":
        return words["margin_negative"]
    loss = answer.value.loss_probability if answer.value else None
    return words["leaves_early"].format(percent=round(100 * loss)) if answer.cause and loss is not None else None


def _net(answer: Answer) -> Net | None:
    value = answer.value
    if value is None or value.net_value is None:
        return None
    return Net(value.currency, value.net_value, value.net_value_low, value.net_value_high)


def _notes(answer: Answer, words: Words, title_of: Callable[[str], str]) -> list[str]:
    """What the rep should know about how much is known."""
    notes = []
    for kind, names in (
        ("missing", answer.missing),
        ("unknown", answer.unknown),
        ("out_of_range", answer.out_of_range),
    ):
        told = [_spaced(title_of(name)) for name in names[:NAMES_SHOWN]]
        if len(names) > NAMES_SHOWN:
            told.append(words["more"].format(count=len(names) - NAMES_SHOWN))
        if told:
            notes.append(words[kind].format(names=words["comma"].join(told)))
    if answer.capped:
        notes.append(words["capped"])
    if answer.degraded_because == "store_unavailable":
        notes.append(words["store_unavailable"])
    return notes
