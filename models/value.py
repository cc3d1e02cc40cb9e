"""What a prospect is worth: expected discounted margin from the survival curve, and the chance of never paying back.

Payment is in advance: period t is paid by whoever survived period t - 1. All formulas are written over arrays of
n prospects and T periods; a constant term stays a scalar and broadcasts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.money import Floats, Money, Number

Period = Literal["day", "week", "month", "quarter", "year"]
Cause = Literal["leaves_early", "margin_negative"]

PERIODS_PER_YEAR: dict[str, float] = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}
CAUSES: tuple[Cause, ...] = get_args(Cause)


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
    known = np.isfinite(net)

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
