"""The answer to one prospect, as it goes out: one row of `Assessments` in words and rounded numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
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
    writer = _Writer(assessor, found, all_reasons=any(each.style.all_reasons for each in about))
    return [writer.answer(row, each) for row, each in enumerate(about)]


class _Writer:
    """Writes answers one by one, from what is made for all of them at once."""

    def __init__(self, assessor: Assessor, found: Assessments, *, all_reasons: bool) -> None:
        manifest, names = assessor.bundle.manifest, assessor.contract.names
        self._assessor, self._found = assessor, found
        self._model = Model(manifest.name, manifest.version, manifest.contract_hash, assessor.policy.hash)
        self._top = assessor.top_reasons(found, len(names) if all_reasons else TOP_REASONS).tolist()
        self._worths = _worths(found.value, manifest.currency)
        self._missing = _named(names, found.missing)
        self._unknown = _named(names, found.unknown)
        self._out_of_range = _named(names, found.out_of_range)

    def answer(self, row: int, about: About) -> Answer:
        assessor, found, lang = self._assessor, self._found, about.style.lang
        manifest = assessor.bundle.manifest
        score, band, action = found.risk.item(row), BANDS[found.band.item(row)], ACTIONS[found.action.item(row)]
        percent = round(100 * score)
        ltv_minus = found.value.ltv_minus.item(row)
        missing = self._missing[row]
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
                score=round(score, 6),
                percent=percent,
                low=_rounded(found.risk_low.item(row), 6),
                high=_rounded(found.risk_high.item(row), 6),
                band=band,
                base=round(manifest.base, 6),
                horizon=horizon,
                period=manifest.period,
                support=int(found.support.item(row)),
            ),
            value=self._worths[row],
            ltv_minus=ltv_minus if found.value.known.item(row) else None,
            cause=cause,
            action=action,
            rule=assessor.policy.rules[found.rule.item(row)].name,
            capped=found.capped.item(row),
            reasons=self._reasons(row, about.style),
            title=texts.title(what, lang),
            message=texts.message(what, band, percent, texts.span_of(horizon, manifest.period, lang), lang),
            missing=missing,
            unknown=self._unknown[row],
            out_of_range=self._out_of_range[row],
            features_as_of=about.features_as_of,
            degraded=because is not None,
            degraded_because=because,
            model=self._model,
        )

    def _reasons(self, row: int, style: Style) -> list[Reason]:
        contract, found, top = self._assessor.contract, self._found, self._top[row]
        return [
            Reason(
                feature=contract.names[position],
                label=contract.features[position].title(style.lang),
                value=contract.raw(position, found.x.item(row, position)),
                points=round(found.points.item(row, position), 4),
            )
            for position in (top if style.all_reasons else top[:TOP_REASONS])
        ]


def _worths(value: Value, currency: str) -> list[Worth]:
    columns = (
        *(value.pltv, value.net_value, value.net_value_low, value.net_value_high, value.net_negative_probability),
        *(value.pltv_to_cpa, value.break_even, value.loss_probability, value.beyond_data_share),
    )
    return [
        Worth(
            currency,
            _rounded(pltv, 2),
            _rounded(net, 2),
            _rounded(low, 2),
            _rounded(high, 2),
            _rounded(negative, 6),
            _rounded(to_cpa, 4),
            int(break_even) or None,
            _rounded(loss, 6),
            _rounded(beyond, 6),
        )
        for pltv, net, low, high, negative, to_cpa, break_even, loss, beyond in np.array(columns).T.tolist()
    ]


def _rounded(number: float, digits: int) -> float | None:
    """None where nothing is known; also where the money sent is so large that it overflows."""
    return round(number, digits) if isfinite(number) else None


def _named(names: Sequence[str], flags: NDArray[np.bool_]) -> list[list[str]]:
    """The names of the columns that are flagged, for each row of [n, F]."""
    named: list[list[str]] = [[] for _ in range(len(flags))]
    rows, columns = np.nonzero(flags)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        named[row].append(names[column])
    return named
