"""The answer to one prospect, as it goes out: one row of `Assessments` in words and rounded numbers."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from models.assess import BANDS, Assessments, Assessor, Band
from models.contract import Scalar
from models.policy import ACTIONS, Action
from models.value import CAUSES, Cause, Period
from service import texts
from service.settings import Language

Degraded = Literal["store_unavailable", "no_features"]
TOP_REASONS = 3


class Risk(msgspec.Struct, frozen=True):
    """P(churn within `horizon` periods), its 80 % interval from `low` to `high`, the book's mean of it, and its band.

    `support` is how many person-periods of the book stand behind the feature value that the fewest customers share.
    """

    score: float
    percent: int
    low: float | None
    high: float | None
    band: Band
    base: float
    horizon: int
    period: Period
    support: int


class Worth(msgspec.Struct, frozen=True):
    """Money in `currency`; null where it is not known. `break_even` is a period, null when it never pays back.

    `net_value_low` to `net_value_high` is an 80 % interval, `net_negative_probability` how sure it is that the
    net value is below zero.
    """

    currency: str
    pltv: float | None
    net_value: float | None
    net_value_low: float | None
    net_value_high: float | None
    net_negative_probability: float | None
    pltv_to_cpa: float | None
    break_even: int | None
    loss_probability: float | None
    beyond_data_share: float | None


class Reason(msgspec.Struct, frozen=True):
    """A feature's share of the risk in percentage points, against the mean of the book."""

    feature: str
    label: str
    value: Scalar
    points: float


class Model(msgspec.Struct, frozen=True):
    """Which model and policy answered."""

    name: str
    version: str
    contract: str
    policy: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one prospect."""

    prospect_id: str
    decision_id: str
    scored_at: str
    risk: Risk
    value: Worth
    ltv_minus: bool | None
    cause: Cause | None
    action: Action
    rule: str
    capped: bool
    reasons: list[Reason]
    title: str
    message: str
    missing: list[str]
    unknown: list[str]
    out_of_range: list[str]
    features_as_of: str | None
    degraded: bool
    degraded_because: Degraded | None
    model: Model


class Style(msgspec.Struct, frozen=True):
    """How to answer: in which language, and with which reasons."""

    lang: Language
    all_reasons: bool = False


class About(msgspec.Struct, frozen=True):
    """What an answer says beside the assessment. Times are RFC 3339."""

    prospect_id: str
    decision_id: str
    scored_at: str
    features_as_of: str | None
    store_unavailable: bool


def answers(assessor: Assessor, found: Assessments, about: list[About], style: Style) -> list[Answer]:
    """One answer for each of the assessed prospects, in their order."""
    count = len(assessor.contract.features) if style.all_reasons else TOP_REASONS
    top = assessor.top_reasons(found, count)
    return [_answer(assessor, found, row, about[row], top[row].tolist(), style) for row in range(len(found))]


def _answer(assessor: Assessor, found: Assessments, row: int, about: About, top: list[int], style: Style) -> Answer:
    contract, manifest, lang = assessor.contract, assessor.bundle.manifest, style.lang
    score, band, action = float(found.risk[row]), BANDS[found.band[row]], ACTIONS[found.action[row]]
    percent = round(100 * score)
    known = bool(found.value.known[row])
    ltv_minus = bool(found.value.ltv_minus[row])
    nothing_known = bool(found.missing[row].all())
    because: Degraded | None = (
        "store_unavailable" if about.store_unavailable else "no_features" if nothing_known else None
    )
    cause = CAUSES[found.value.cause[row]] if ltv_minus else None
    what = texts.finding(action, band, cause=cause, nothing_known=nothing_known)
    horizon = manifest.horizons[0]
    return Answer(
        prospect_id=about.prospect_id,
        decision_id=about.decision_id,
        scored_at=about.scored_at,
        risk=Risk(
            score=round(score, 6),
            percent=percent,
            low=_rounded(found.risk_low[row], 6),
            high=_rounded(found.risk_high[row], 6),
            band=band,
            base=round(manifest.base, 6),
            horizon=horizon,
            period=manifest.period,
            support=int(found.support[row]),
        ),
        value=_worth(assessor, found, row),
        ltv_minus=ltv_minus if known else None,
        cause=cause,
        action=action,
        rule=assessor.policy.rules[found.rule[row]].name,
        capped=bool(found.capped[row]),
        reasons=[
            Reason(
                contract.names[position],
                contract.features[position].title(lang),
                contract.raw(position, float(found.x[row, position])),
                round(float(found.points[row, position]), 4),
            )
            for position in top
        ],
        title=texts.title(what, lang),
        message=texts.message(what, band, percent, texts.span_of(horizon, manifest.period, lang), lang),
        missing=_named(assessor, found.missing[row]),
        unknown=_named(assessor, found.unknown[row]),
        out_of_range=_named(assessor, found.out_of_range[row]),
        features_as_of=about.features_as_of,
        degraded=because is not None,
        degraded_because=because,
        model=Model(manifest.name, manifest.version, manifest.contract_hash, assessor.policy.hash),
    )


def _worth(assessor: Assessor, found: Assessments, row: int) -> Worth:
    value = found.value
    return Worth(
        currency=assessor.bundle.manifest.currency,
        pltv=_rounded(value.pltv[row], 2),
        net_value=_rounded(value.net_value[row], 2),
        net_value_low=_rounded(value.net_value_low[row], 2),
        net_value_high=_rounded(value.net_value_high[row], 2),
        net_negative_probability=_rounded(value.net_negative_probability[row], 6),
        pltv_to_cpa=_rounded(value.pltv_to_cpa[row], 4),
        break_even=int(value.break_even[row]) or None,
        loss_probability=_rounded(value.loss_probability[row], 6),
        beyond_data_share=_rounded(value.beyond_data_share[row], 6),
    )


def _rounded(number: float, digits: int) -> float | None:
    """None where nothing is known; also where the money sent is so large that it overflows."""
    return round(float(number), digits) if math.isfinite(number) else None


def _named(assessor: Assessor, flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[str]:
    return [assessor.contract.names[position] for position in np.flatnonzero(flags)]
