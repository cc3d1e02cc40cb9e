"""The answer to one prospect, as it goes out: one row of `Assessments` in words and rounded numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.assess import BANDS, Assessments, Assessor, Band
from models.contract import Scalar
from models.policy import ACTIONS, Action
from models.value import CAUSES, Cause, Period, Value
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
    """What an answer says beside the assessment, and how. Times are RFC 3339."""

    prospect_id: str
    decision_id: str
    scored_at: str
    features_as_of: str | None
    store_unavailable: bool
    style: Style


def answers(assessor: Assessor, found: Assessments, about: list[About]) -> list[Answer]:
    """One answer for each of the assessed prospects, in their order."""
    manifest, names = assessor.bundle.manifest, assessor.contract.names
    model = Model(manifest.name, manifest.version, manifest.contract_hash, assessor.policy.hash)
    all_reasons = any(each.style.all_reasons for each in about)
    top = assessor.top_reasons(found, len(names) if all_reasons else TOP_REASONS).tolist()
    missing, unknown, out_of_range = (
        _named(names, flags) for flags in (found.missing, found.unknown, found.out_of_range)
    )
    return [
        _answer(assessor, found, row, each, _reasons(assessor, found, row, top[row], each.style), model, lists)
        for row, (each, *lists) in enumerate(zip(about, missing, unknown, out_of_range, strict=True))
    ]


def _answer(
    assessor: Assessor,
    found: Assessments,
    row: int,
    about: About,
    reasons: list[Reason],
    model: Model,
    lists: list[list[str]],
) -> Answer:
    manifest, lang = assessor.bundle.manifest, about.style.lang
    missing, unknown, out_of_range = lists
    score, band, action = found.risk.item(row), BANDS[found.band.item(row)], ACTIONS[found.action.item(row)]
    percent = round(100 * score)
    ltv_minus = found.value.ltv_minus.item(row)
    nothing_known = len(missing) == len(assessor.contract.names)
    because: Degraded | None = (
        "store_unavailable" if about.store_unavailable else "no_features" if nothing_known else None
    )
    cause = CAUSES[found.value.cause.item(row)] if ltv_minus else None
    what = texts.finding(action, band, cause=cause, nothing_known=nothing_known)
    horizon = manifest.horizons[0]
    return Answer(
        prospect_id=about.prospect_id,
        decision_id=about.decision_id,
        scored_at=about.scored_at,
        risk=Risk(
            round(score, 6),
            percent,
            _rounded(found.risk_low.item(row), 6),
            _rounded(found.risk_high.item(row), 6),
            band,
            round(manifest.base, 6),
            horizon,
            manifest.period,
            int(found.support.item(row)),
        ),
        value=_worth(found.value, row, manifest.currency),
        ltv_minus=ltv_minus if found.value.known.item(row) else None,
        cause=cause,
        action=action,
        rule=assessor.policy.rules[found.rule.item(row)].name,
        capped=found.capped.item(row),
        reasons=reasons,
        title=texts.title(what, lang),
        message=texts.message(what, band, percent, texts.span_of(horizon, manifest.period, lang), lang),
        missing=missing,
        unknown=unknown,
        out_of_range=out_of_range,
        features_as_of=about.features_as_of,
        degraded=because is not None,
        degraded_because=because,
        model=model,
    )


def _reasons(assessor: Assessor, found: Assessments, row: int, top: list[int], style: Style) -> list[Reason]:
    contract = assessor.contract
    return [
        Reason(
            contract.names[position],
            contract.features[position].title(style.lang),
            contract.raw(position, found.x.item(row, position)),
            round(found.points.item(row, position), 4),
        )
        for position in (top if style.all_reasons else top[:TOP_REASONS])
    ]


def _worth(value: Value, row: int, currency: str) -> Worth:
    return Worth(
        currency,
        _rounded(value.pltv.item(row), 2),
        _rounded(value.net_value.item(row), 2),
        _rounded(value.net_value_low.item(row), 2),
        _rounded(value.net_value_high.item(row), 2),
        _rounded(value.net_negative_probability.item(row), 6),
        _rounded(value.pltv_to_cpa.item(row), 4),
        value.break_even.item(row) or None,
        _rounded(value.loss_probability.item(row), 6),
        _rounded(value.beyond_data_share.item(row), 6),
    )


def _rounded(number: float, digits: int) -> float | None:
    """None where nothing is known; also where the money sent is so large that it overflows."""
    return round(number, digits) if math.isfinite(number) else None


def _named(names: Sequence[str], flags: NDArray[np.bool_]) -> list[list[str]]:
    """The names of the columns that are flagged, for each row of [n, F]."""
    named: list[list[str]] = [[] for _ in range(len(flags))]
    rows, columns = np.nonzero(flags)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        named[row].append(names[column])
    return named
