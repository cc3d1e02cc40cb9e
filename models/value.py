"""What a prospect is worth: expected discounted margin from the survival curve, and the chance of never paying back.

Payment is in advance: period t is paid by whoever survived period t - 1. All formulas are written over arrays of
n prospects and T periods; a constant term stays a scalar and broadcasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Contract, Vector
from models.errors import MoneyError, nearest

Floats = NDArray[np.float64]
Number = float | Floats
Period = Literal["day", "week", "month", "quarter", "year"]
Cause = Literal["leaves_early", "margin_negative"]

PERIODS_PER_YEAR: dict[str, float] = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}
CAUSES: tuple[Cause, ...] = get_args(Cause)

BOUNDS: dict[str, tuple[float, float]] = {
    "revenue": (0.0, np.inf),
    "order_value": (0.0, np.inf),
    "orders_per_period": (0.0, np.inf),
    "discount": (0.0, 1.0),
    "gross_margin": (-np.inf, 1.0),
    "cost_to_serve": (0.0, np.inf),
    "acquisition_spent": (0.0, np.inf),
    "closing_cost": (0.0, np.inf),
    "annual_discount_rate": (0.0, 10.0),
}
"""Every money term, with the values it may take: money in the book's currency, shares, and a rate per year."""

LEFT_OUT: dict[str, float] = {
    "revenue": np.nan,
    "order_value": np.nan,
    "orders_per_period": np.nan,
    "discount": 0.0,
    "gross_margin": np.nan,
    "cost_to_serve": 0.0,
    "acquisition_spent": 0.0,
    "closing_cost": 0.0,
    "annual_discount_rate": 0.0,
}
"""What a term is when the book does not name it: a cost of nothing, and money unknown without revenue or margin."""


class Segment(msgspec.Struct, frozen=True):
    """Money terms of their own for the customers whose `column` has `value`."""

    column: str
    value: str
    terms: dict[str, float | str]


class MoneyTerms(msgspec.Struct, frozen=True):
    """The book's `[value]`: each term a constant, or the name of the column that holds it."""

    terms: dict[str, float | str] = {}
    segments: tuple[Segment, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """Every column that some term or segment reads."""
        named = {term for part in (self.terms, *(s.terms for s in self.segments)) for term in part.values()}
        return frozenset({name for name in named if isinstance(name, str)} | {s.column for s in self.segments})

    def check(self, name: str, value: float) -> float:
        """A sent or booked value of the term `name`, in its bounds.

        Raises:
            MoneyError: the term is not one of the book's keys, or the value is out of bounds.
        """
        if name not in BOUNDS:
            raise MoneyError(name, f"is not a money term{nearest(name, BOUNDS)}")
        low, high = BOUNDS[name]
        if not (low <= value <= high and np.isfinite(value)):
            raise MoneyError(name, f"expected {_spell(low, high)}")
        return float(value)

    def resolve(
        self, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]], sent: Mapping[str, Floats]
    ) -> Money:
        """The money of n prospects: what was sent, else their segment's, else the book's.

        Args:
            contract: places each feature in `x`.
            x: encoded prospects, float32 [n, F].
            columns: columns that the terms read and that are not features, each [n].
            sent: terms that came with the prospects, float64 [n], NaN where one did not.
        """
        resolved: dict[str, Number] = {}
        for name in BOUNDS:
            value = self._column(self.terms.get(name, LEFT_OUT[name]), contract, x, columns)
            for segment in self.segments:
                if name in segment.terms:
                    here = _members(segment, contract, x, columns)
                    value = np.where(here, self._column(segment.terms[name], contract, x, columns), value)
            if name in sent:
                value = np.where(np.isnan(sent[name]), value, sent[name])
            resolved[name] = value
        return Money(**resolved)

    def _column(
        self, term: float | str, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]]
    ) -> Number:
        if not isinstance(term, str):
            return term
        if term in columns:
            return np.asarray(columns[term], dtype=np.float64)
        if term in contract.index:
            return x[:, contract.index[term]].astype(np.float64)
        return np.nan


class Money(msgspec.Struct, frozen=True):
    """The money terms of n prospects, each a scalar or float64 [n]; NaN where unknown."""

    revenue: Number
    order_value: Number
    orders_per_period: Number
    discount: Number
    gross_margin: Number
    cost_to_serve: Number
    acquisition_spent: Number
    closing_cost: Number
    annual_discount_rate: Number

    @property
    def margin_per_period(self) -> Number:
        """What one paid period leaves, before discounting: revenue * (1 - discount) * gross_margin - cost_to_serve."""
        revenue = self.revenue
        if not isinstance(revenue, float) or np.isnan(revenue):
            revenue = np.where(np.isnan(revenue), self.order_value * np.asarray(self.orders_per_period), revenue)
        return revenue * (1.0 - self.discount) * self.gross_margin - self.cost_to_serve


class Value(msgspec.Struct, frozen=True):
    """The value of n prospects. NaN where money is unknown.

    pltv, net_value: currency. pltv_to_cpa: ratio, NaN at zero cost. break_even: period, 0 where there is none.
    loss_probability, beyond_data_share: shares. ltv_minus: bool. cause: index into CAUSES, -1 where there is none.
    """

    known: NDArray[np.bool_]
    pltv: Floats
    net_value: Floats
    pltv_to_cpa: Floats
    break_even: NDArray[np.int64]
    loss_probability: Floats
    beyond_data_share: Floats
    ltv_minus: NDArray[np.bool_]
    cause: NDArray[np.int64]


def value(survival: NDArray[np.floating], money: Money, period: str, supported_periods: int) -> Value:
    """Value n prospects over T periods, as section 4 of the design states it.

    Args:
        survival: P(still a customer after period t), t = 1..T, from all exits. Shape [n, T].
        money: their money terms.
        period: unit of t.
        supported_periods: the last period that enough customers of the book reached; what lies beyond is extrapolated.
    """
    n, periods = survival.shape
    discounting, accumulated = _discounting(money.annual_discount_rate, period, periods)
    pays = np.empty((n, periods))  # S(t - 1): the share that pays in period t
    pays[:, 0] = 1.0
    pays[:, 1:] = survival[:, :-1]
    annuity = (pays * discounting).sum(axis=1)
    beyond = (pays * discounting)[:, supported_periods:].sum(axis=1) / annuity

    margin = np.broadcast_to(np.asarray(money.margin_per_period, dtype=np.float64), (n,))
    closing = np.asarray(money.closing_cost)
    pltv = margin * annuity
    net = pltv - closing
    cpa = np.broadcast_to(np.asarray(money.acquisition_spent + closing, dtype=np.float64), (n,))
    known = ~np.isnan(net)

    short = margin[:, None] * accumulated < np.broadcast_to(closing, (n,))[:, None]  # has not paid back after t periods
    paid_back = ~short
    break_even = np.where(paid_back.any(axis=1) & known, paid_back.argmax(axis=1) + 1, 0)
    leaves = pays.copy()  # P(L = t): pays in t and not in t + 1; the last period is never followed
    leaves[:, :-1] -= pays[:, 1:]
    loss = np.where(known, (leaves * short).sum(axis=1), np.nan)

    ltv_minus = net < 0
    return Value(
        known=known,
        pltv=pltv,
        net_value=net,
        pltv_to_cpa=np.divide(pltv, cpa, out=np.full(n, np.nan), where=cpa > 0),
        break_even=break_even,
        loss_probability=loss,
        beyond_data_share=np.where(known, beyond, np.nan),
        ltv_minus=ltv_minus,
        # Who never leaves and still does not pay back is no early leaver: the margin is at fault.
        cause=np.where(ltv_minus, np.where(break_even == 0, 1, 0), -1),
    )


def _discounting(annual_rate: Number, period: str, periods: int) -> tuple[Floats, Floats]:
    """(1 + r)^(-(t - 1) / p) for t = 1..T, and its running sum: [T] for one rate, [n, T] for a rate per prospect."""
    if isinstance(annual_rate, float):
        return _discounting_at(annual_rate, period, periods)
    factors = (1.0 + annual_rate[:, None]) ** (-np.arange(periods) / PERIODS_PER_YEAR[period])
    return factors, np.cumsum(factors, axis=1)


@lru_cache(maxsize=64)
def _discounting_at(annual_rate: float, period: str, periods: int) -> tuple[Floats, Floats]:
    factors = (1.0 + annual_rate) ** (-np.arange(periods) / PERIODS_PER_YEAR[period])
    return factors, np.cumsum(factors)


def _members(
    segment: Segment, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]]
) -> NDArray[np.bool_]:
    if segment.column in columns:
        named: NDArray[np.bool_] = np.asarray(columns[segment.column]).astype(str) == segment.value
        return named
    position = contract.index.get(segment.column)
    if position is None:
        return np.zeros(len(x), dtype=np.bool_)
    members: NDArray[np.bool_] = x[:, position] == _segment_code(contract, position, segment.value)
    return members


def _segment_code(contract: Contract, position: int, value: str) -> np.float32:
    """The code of a segment's value, which TOML spells as text whatever the feature's kind; NaN when there is none."""
    kind = contract.features[position].kind
    if kind == "category":
        code = contract.code(position, value)
        return np.float32(np.nan if code < 0 else code)
    if kind == "flag":
        return np.float32(value.lower() in ("true", "1", "yes"))
    return np.float32(value)


def _spell(low: float, high: float) -> str:
    if np.isinf(high):
        return f"a finite number of at least {low:g}"
    return f"a number of at most {high:g}" if np.isinf(low) else f"a number between {low:g} and {high:g}"
