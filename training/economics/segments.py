"""What the customers of each segment are worth, cost and do."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.value import Value
from training.economics.risksets import NOBODY, Floats, Ints, exposed, per_group, per_head, tally
from training.economics.values import finite
from training.reading.lifetimes import Lifetimes

Shares = tuple[float | None, ...]

LEAST = 30
"""Customers from which a segment's value has a row of its own; fewer tell more of chance than of the segment."""

ROWS = 30
"""Values that have a row of their own, those with the most customers."""

TOLD = 60
"""Periods at which retention is told: more would not be seen in a picture."""

Z = 1.959964
"""Quantile of the normal distribution for a 95 % band."""


class Retention(msgspec.Struct, frozen=True):
    """Share not yet churned after each of `SegmentTable.periods`; None where nobody was at risk any more.

    observed: Kaplan-Meier, other exits censored. low, high: its 95 % band. predicted: mean of the model's curves.
    """

    observed: Shares
    low: Shares
    high: Shares
    predicted: Shares


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """The customers who share a value, or those of `pooled` values with too few customers each.

    value: "" where it is missing, and where values are pooled. customers: weighed as the book weighs them.
    mean_pltv, mean_net_value, cpa: currency per customer; None where money is unknown. pltv_to_cpa: ratio of the two
    means. ltv_minus_share: share of the customers whose net value is below zero.
    """

    value: str
    pooled: int
    customers: float
    mean_pltv: float | None
    mean_net_value: float | None
    cpa: float | None
    pltv_to_cpa: float | None
    ltv_minus_share: float | None
    retention: Retention


class SegmentTable(msgspec.Struct, frozen=True):
    """A row of `[segments]`: its name, its column, the periods that retention is told at, the most customers first."""

    name: str
    column: str
    periods: tuple[int, ...]
    rows: tuple[Segment, ...]


def segment_table(
    name: str,
    column: pl.Series,
    lives: Lifetimes,
    survival: NDArray[np.floating],
    worth: Value,
    cpa: Floats,
    weight: Floats,
) -> SegmentTable:
    """The table of one segment column of n customers.

    Args:
        name: what the book calls it.
        column: the value of each customer, of any type [n].
        lives: what happened to them.
        survival: S(t | x) [n, T].
        worth: what they are worth.
        cpa: acquisition and closing cost of each, currency [n].
        weight: for how many customers each stands [n].
    """
    values, group = _grouped(column, weight)
    groups, periods = len(values), survival.shape[1]
    told = np.unique(np.linspace(1, periods, min(TOLD, periods)).astype(np.int64))
    bands = kaplan_meier_band(group, groups, lives, weight, periods)[:, :, told - 1]
    predicted = _mean_curves(survival, group, groups, told, weight)
    known = np.where(worth.known, weight, 0.0)
    customers, counted = per_group(group, weight, groups), per_group(group, known, groups)
    pltv, net, cost, minus = (
        np.divide(
            per_group(group, known * np.nan_to_num(amounts), groups),
            counted,
            out=np.full(groups, np.nan),
            where=counted > 0,
        )
        for amounts in (worth.pltv, worth.net_value, cpa, worth.ltv_minus.astype(np.float64))
    )
    rows = [
        Segment(
            value=value,
            pooled=pooled,
            customers=float(customers[g]),
            mean_pltv=finite(pltv[g]),
            mean_net_value=finite(net[g]),
            cpa=finite(cost[g]),
            pltv_to_cpa=float(pltv[g] / cost[g]) if cost[g] > 0 else None,
            ltv_minus_share=finite(minus[g]),
            retention=Retention(*map(_shares, (*bands[:, g], predicted[g]))),
        )
        for g, (value, pooled) in enumerate(values)
    ]
    return SegmentTable(name, column.name, tuple(told.tolist()), tuple(rows))


def kaplan_meier_band(group: Ints, groups: int, lives: Lifetimes, weight: Floats, periods: int) -> Floats:
    """Kaplan-Meier by group and its 95 % band after period t = 1..T, other exits censored. Shape [3, G, T].

    The band is of log-log form with Greenwood's variance (Kalbfleisch and Prentice 2002, section 1.4). Before anybody
    churned, its lower end is the exact one of so many customers at risk. NaN where nobody was at risk any more; the
    band is NaN also where everybody had churned.
    """
    shape = (groups, periods)
    weight = weight * lives.observed
    at_risk = exposed(group, lives.entry, lives.exit, weight, shape)
    events = tally(group, lives.exit, weight * lives.event, shape)
    rate = per_head(events, at_risk, np.nan)
    stays = np.cumprod(1.0 - rate, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_log_deviation = np.sqrt(np.cumsum(rate / (at_risk * (1.0 - rate)), axis=1)) / -np.log(stays)
        low, high = (stays ** np.exp(sign * Z * log_log_deviation) for sign in (1.0, -1.0))
    nobody_left = (stays == 1.0) & (at_risk > NOBODY)
    low = np.where(nobody_left, 0.025 ** (1.0 / np.maximum(at_risk, 1.0)), low)
    return np.stack([stays, low, np.where(nobody_left, 1.0, high)])


def _grouped(column: pl.Series, weight: Floats) -> tuple[list[tuple[str, int]], Ints]:
    """The rows of a table, each a value and how many it pools (0: a value of its own), and the row of each customer."""
    texts = column.cast(pl.String).fill_null("")
    counted = (
        pl.DataFrame({"value": texts, "n": weight})
        .group_by("value")
        .agg(pl.col("n").sum(), pl.len().alias("rows"))
        .sort("n", "value", descending=[True, False])
        .with_row_index("rank")
    )
    own = counted.filter((pl.col("rank") < ROWS) & (pl.col("rows") >= LEAST))["value"].to_list()
    group = texts.replace_strict(own, list(range(len(own))), default=len(own), return_dtype=pl.Int64).to_numpy()
    others = len(counted) - len(own)
    return [(value, 0) for value in own] + ([("", others)] if others else []), group


def _mean_curves(
    survival: NDArray[np.floating], group: Ints, groups: int, periods: NDArray[np.int64], weight: Floats
) -> Floats:
    """Mean of S(t | x) by group at some periods. Shape [G, len(periods)]."""
    told = survival[:, periods - 1]
    return np.stack([np.average(told[group == g], axis=0, weights=weight[group == g]) for g in range(groups)])


def _shares(curve: Floats) -> Shares:
    return tuple(finite(share) for share in curve.round(6))
