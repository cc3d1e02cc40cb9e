"""Calibration: whether as many customers churn as the model says, by risk and by group."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from training.evaluation.intervals import LEVEL, Rate, share
from training.evaluation.metrics import Weighed
from training.reading.lifetimes import Floats, Lifetimes

DECILES = 10

GROUPS = 12
"""Values of a column that get a row each, the most frequent; the others are pooled."""

OTHERS = "(others)"
MISSING = "(missing)"


class Decile(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the customers by predicted risk; number 1 holds the riskiest.

    customers: how many. mean_risk: predicted within the horizon. kaplan_meier: churned within the horizon; low, high:
    its 95 % Clopper-Pearson interval on the n that Greenwood's variance is worth. holds: mean_risk lies between them.
    All four are None where nobody was at risk up to the horizon. Shares are 0..1.
    """

    number: int
    customers: int
    mean_risk: float
    kaplan_meier: float | None
    low: float | None
    high: float | None
    holds: bool | None


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """Of the customers sorted by predicted risk, the first `share`.

    churn_share: how much of all churn within the horizon they are, 0..1 (the gains curve). lift: their churn within the
    horizon over everybody's.
    """

    share: float
    churn_share: float
    lift: float


class GroupCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """Events among the customers of whom `column` is `value`, within T periods and while at risk.

    ratio: expected over observed with its 95 % bootstrap interval low..high; None where nobody churned.
    """

    column: str
    value: str
    customers: int
    expected_events: float
    observed_events: float
    ratio: float | None
    low: float | None
    high: float | None


def deciles(risk: Floats, lives: Lifetimes, weight: Floats, horizon: int) -> tuple[Decile, ...]:
    """Predicted against observed churn within the horizon, by deciles of the predicted risk [n]."""
    parts = np.array_split(np.argsort(-risk, kind="stable"), DECILES)
    return tuple(
        _decile(number, risk[part], lives.take(part), weight[part], horizon)
        for number, part in enumerate(parts, 1)
        if len(part)
    )


def gains(risk: Floats, people: Weighed, horizon: int) -> tuple[Gain, ...]:
    """Gains and lift per percentile of the predicted risk [n]; none where nobody churned within the horizon."""
    who, mass = people.churned(horizon)
    churn = np.zeros(len(risk))
    churn[who] = mass[:, 0]
    if not churn.sum() > 0:
        return ()
    order = np.argsort(-risk, kind="stable")
    customers, churned = np.cumsum(people.weights[order, 0]), np.cumsum(churn[order])
    rows = []
    for percent in range(1, 101):
        first = percent / 100
        caught = float(np.interp(first * customers[-1], np.append(0, customers), np.append(0, churned)) / churned[-1])
        rows.append(Gain(share=first, churn_share=round(caught, 6), lift=round(caught / first, 4)))
    return tuple(rows)


def groups(
    expected: Floats, observed: Floats, weights: Floats, columns: Sequence[pl.Series]
) -> tuple[GroupCalibration, ...]:
    """Expected over observed events per value of each column.

    Args:
        expected: events of each customer, [n].
        observed: the same, 0 or 1.
        weights: of the customers and of their bootstrap resamples, see `training.evaluation.metrics.resamples`. [n, K]
        columns: values of the n customers.
    """
    rows = []
    for column in columns:
        values = column.cast(pl.String).fill_null(MISSING)
        frequent = values.value_counts(name="n").sort("n", values.name, descending=[True, False])[values.name]
        apart = frequent if len(frequent) <= GROUPS else frequent.head(GROUPS - 1)
        named = values.set(~values.is_in(apart.to_list()), OTHERS)
        for value in [*apart, *([OTHERS] if len(apart) < len(frequent) else [])]:
            who = np.flatnonzero((named == value).to_numpy())
            rows.append(_group(column.name, value, expected[who], observed[who], weights[who]))
    return tuple(rows)


def interval(resampled: Floats) -> tuple[float, float] | None:
    """95 % percentile interval of resampled figures; None where too many of them are undefined."""
    defined = resampled[np.isfinite(resampled)]
    if len(defined) < LEVEL * len(resampled):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return round(float(low), 6), round(float(high), 6)


def _decile(number: int, risk: Floats, lives: Lifetimes, weight: Floats, horizon: int) -> Decile:
    people = Weighed.over(lives, weight[:, None], horizon)
    predicted = float(np.average(risk, weights=weight))
    survival, at_risk, events = people.survival[-1, 0], people.at_risk[:, 0], people.events[:, 0]
    if np.isnan(survival):
        return Decile(
            number=number,
            customers=len(risk),
            mean_risk=round(predicted, 6),
            kaplan_meier=None,
            low=None,
            high=None,
            holds=None,
        )
    # What was seen are rows, not the customers that they stand for (Kish 1965).
    rows = weight.sum() / (weight**2).sum()
    stayed = at_risk - events
    greenwood = np.divide(events, at_risk * stayed, out=np.zeros_like(events), where=stayed > 0).sum() / rows
    n = (1.0 - survival) / (survival * greenwood) if greenwood > 0 and survival > 0 else at_risk[-1] * rows
    observed = share(Rate(1.0 - survival, n))
    return Decile(
        number=number,
        customers=len(risk),
        mean_risk=round(predicted, 6),
        kaplan_meier=round(float(1.0 - survival), 6),
        low=round(observed.low, 6),
        high=round(observed.high, 6),
        holds=bool(observed.low <= predicted <= observed.high),
    )


def _group(column: str, value: str, expected: Floats, observed: Floats, weights: Floats) -> GroupCalibration:
    happened = observed @ weights
    ratio = np.divide(expected @ weights, happened, out=np.full_like(happened, np.nan), where=happened > 0)
    bounds = interval(ratio[1:])
    return GroupCalibration(
        column=column,
        value=value,
        customers=len(expected),
        expected_events=round(float(expected @ weights[:, 0]), 3),
        observed_events=round(float(happened[0]), 3),
        ratio=None if np.isnan(ratio[0]) else round(float(ratio[0]), 6),
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
    )
