"""What the customers of each segment are worth, cost and do."""

from __future__ import annotations

import msgspec

Shares = tuple[float | None, ...]


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
