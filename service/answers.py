"""The answer to one prospect, as it goes out: one row of `Assessments` in words and rounded numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.assess import BANDS, Assessments, Assessor, Band
from models.contract import Scalar
from models.policy import ACTIONS, Action
from models.value import CAUSES, Cause, Period
from service import texts
from service.bars import Bar
from service.settings import Language

Degraded = Literal["store_unavailable", "no_features"]
TOP_REASONS = 3

_SCALES = 10.0 ** np.array([[6], [6], [2], [2], [2], [2], [6], [4], [6], [6]])
"""Rounds an answer's numbers: shares to six places, money to two, a ratio to four."""


class Risk(msgspec.Struct, frozen=True, gc=False):
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


class Worth(msgspec.Struct, frozen=True, gc=False):
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


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A feature's share of the risk in percentage points, against the mean of the book."""

    feature: str
    label: str
    value: Scalar
    points: float


class Model(msgspec.Struct, frozen=True, gc=False):
    """Which model and policy answered."""

    name: str
    version: str
    contract: str
    policy: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one prospect.

    Who must not be scored is not: `not_scored_because` says why, risk, value and rule are null, and nothing stands
    against going on.
    """

    prospect_id: str
    decision_id: str
    scored_at: str
    risk: Risk | None
    value: Worth | None
    ltv_minus: bool | None
    cause: Cause | None
    action: Action
    rule: str | None
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
    not_scored_because: Bar | None
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


def model_of(assessor: Assessor) -> Model:
    """Which model and policy `assessor` answers with."""
    manifest = assessor.bundle.manifest
    return Model(manifest.name, manifest.version, manifest.contract_hash, assessor.policy.hash)


class _Writer:
    """Writes answers one by one, from what is made for all of them at once."""

    def __init__(self, assessor: Assessor, found: Assessments, *, all_reasons: bool) -> None:
        manifest, names, value = assessor.bundle.manifest, assessor.contract.names, found.value
        top = assessor.top_reasons(found, len(names) if all_reasons else TOP_REASONS)
        self._assessor = assessor
        self._model = model_of(assessor)
        self._base = round(manifest.base, 6)
        self._risk = found.risk.tolist()
        self._numbers = _rounded(found)
        self._break_even = value.break_even.tolist()
        self._support = found.support.astype(np.int64).tolist()
        self._choices = np.array((found.band, found.action, found.rule, value.cause)).T.tolist()
        self._flags = np.array((value.known, value.ltv_minus, found.capped)).T.tolist()
        self._top = top.tolist()
        rows = np.arange(len(found))[:, None]
        self._top_x = found.x[rows, top].tolist()
        self._top_points = found.points[rows, top].astype(np.float64).round(4).tolist()
        self._missing = _named(names, found.missing)
        self._unknown = _named(names, found.unknown)
        self._out_of_range = _named(names, found.out_of_range)

    def answer(self, row: int, about: About) -> Answer:
        assessor, lang = self._assessor, about.style.lang
        manifest = assessor.bundle.manifest
        score = self._risk[row]
        low, high, pltv, net, net_low, net_high, negative, to_cpa, loss, beyond = self._numbers[row]
        band_at, action_at, rule_at, cause_at = self._choices[row]
        known, ltv_minus, capped = self._flags[row]
        band, action, percent = BANDS[band_at], ACTIONS[action_at], round(100 * score)
        cause = CAUSES[cause_at] if ltv_minus else None
        missing = self._missing[row]
        nothing_known = len(missing) == len(assessor.contract.names)
        because: Degraded | None = (
            "store_unavailable" if about.store_unavailable else "no_features" if nothing_known else None
        )
        what = texts.finding(action, band, cause=cause, nothing_known=nothing_known)
        horizon, period = manifest.horizons[0], manifest.period
        return Answer(
            prospect_id=about.prospect_id,
            decision_id=about.decision_id,
            scored_at=about.scored_at,
            risk=Risk(round(score, 6), percent, low, high, band, self._base, horizon, period, self._support[row]),
            value=Worth(
                *(manifest.currency, pltv, net, net_low, net_high, negative, to_cpa),
                *(self._break_even[row] or None, loss, beyond),
            ),
            ltv_minus=ltv_minus if known else None,
            cause=cause,
            action=action,
            rule=assessor.policy.rules[rule_at].name,
            capped=capped,
            reasons=self._reasons(row, about.style),
            title=texts.title(what, lang),
            message=texts.message(what, band, percent, texts.span_of(horizon, period, lang), lang),
            missing=missing,
            unknown=self._unknown[row],
            out_of_range=self._out_of_range[row],
            features_as_of=about.features_as_of,
            degraded=because is not None,
            degraded_because=because,
            not_scored_because=None,
            model=self._model,
        )

    def _reasons(self, row: int, style: Style) -> list[Reason]:
        contract, count = self._assessor.contract, None if style.all_reasons else TOP_REASONS
        top = zip(self._top[row][:count], self._top_x[row], self._top_points[row], strict=False)
        return [
            Reason(
                contract.names[position],
                contract.features[position].title(style.lang),
                contract.raw(position, code),
                points,
            )
            for position, code, points in top
        ]


def _rounded(found: Assessments) -> list[list[float | None]]:
    """The interval of the risk, and money, as `_SCALES` orders them, for each row; None where a number is not known.

    Nor is one known where the money that was sent is so large that it overflows.
    """
    value = found.value
    columns = np.array(
        (
            *(found.risk_low, found.risk_high),
            *(value.pltv, value.net_value, value.net_value_low, value.net_value_high, value.net_negative_probability),
            *(value.pltv_to_cpa, value.loss_probability, value.beyond_data_share),
        )
    )
    columns = np.rint(columns * _SCALES) / _SCALES
    columns[~np.isfinite(columns)] = np.nan
    return [[None if number != number else number for number in row] for row in columns.T.tolist()]  # noqa: PLR0124


def _named(names: Sequence[str], flags: NDArray[np.bool_]) -> list[list[str]]:
    """The names of the columns that are flagged, for each row of [n, F]."""
    named: list[list[str]] = [[] for _ in range(len(flags))]
    rows, columns = np.nonzero(flags)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        named[row].append(names[column])
    return named
