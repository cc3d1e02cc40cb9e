"""What a prospect is worth: expected discounted margin from the survival curve, and the chance of never paying back.

Payment is in advance: period t is paid by whoever survived period t - 1. All formulas are written over arrays of
n prospects and T periods; a constant term stays a scalar and broadcasts.
"""

from __future__ import annotations

import math
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


Z80 = 1.2815516
"""An 80 % interval reaches so many standard errors to either side."""

ENDS = np.array([[-Z80], [Z80]], dtype=np.float32)
"""Where an 80 % interval ends, in standard errors."""

NORMAL_Z = np.linspace(-6, 6, 1201)
NORMAL_P = np.array([(1 + math.erf(z / math.sqrt(2))) / 2 for z in NORMAL_Z])
"""The normal distribution function, which numpy lacks."""


class Value(msgspec.Struct, frozen=True):
    """The value of n prospects. NaN where money is unknown.

    pltv, net_value: currency. pltv_to_cpa: ratio, NaN at zero cost. break_even: period, 0 where there is none.
    loss_probability, beyond_data_share: shares. ltv_minus: bool. cause: index into CAUSES, -1 where there is none.
    net_value_low, net_value_high: an 80 % interval. net_negative_probability: P(net_value < 0), given how far the
    survival curve may be off. NaN where that is not known.
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
    net_value_low: Floats
    net_value_high: Floats
    net_negative_probability: Floats


def value(
    survival: NDArray[np.floating],
    money: Money,
    period: str,
    supported_periods: int,
    *,
    other_exits: Floats | None = None,
    spread: NDArray[np.floating] | None = None,
) -> Value:
    """Value n prospects over T periods, as section 4 of the design states it.

    Args:
        survival: P(not churned after period t), t = 1..T. Shape [n, T].
        money: their money terms.
        period: unit of t.
        supported_periods: the last period that enough customers of the book reached; what lies beyond is extrapolated.
        other_exits: P(no exit for another reason after period t), shape [T]; None where there are none.
        spread: standard error of the log cumulative hazard [n]; the whole curve is taken to move with it.
    """
    n, periods = survival.shape
    discounting, accumulated = _discounting(money.annual_discount_rate, period, periods)
    pays = _pays(survival, other_exits)
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
    if spread is None:
        low = high = negative = np.full(n, np.nan)
    else:
        curves = survival ** np.exp(ENDS * spread)[:, :, None]  # [2, n, T]
        ends = margin * (_pays(curves, other_exits) * discounting).sum(axis=2) - closing
        point = np.where(np.isnan(spread), np.nan, net)  # for 1 ** NaN is 1
        low, high = np.minimum(ends.min(axis=0), point), np.maximum(ends.max(axis=0), point)
        negative = _negative_probability(net, low, high)
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
        net_value_low=low,
        net_value_high=high,
        net_negative_probability=negative,
    )


def _pays(survival: NDArray[np.floating], other_exits: Floats | None) -> Floats:
    """S(t - 1), the share that pays in period t, in advance. Shape [..., T]."""
    pays = np.empty(survival.shape)
    pays[..., 0] = 1.0
    pays[..., 1:] = survival[..., :-1] if other_exits is None else survival[..., :-1] * other_exits[:-1]
    return pays


def _negative_probability(net: Floats, low: Floats, high: Floats) -> Floats:
    """P(net < 0) for a quantity that is `low`, `net` and `high` at the quantiles -Z80, 0 and Z80 of a normal one.

    In between, and beyond, it is taken to follow the line through the two nearest; for a shift of the log cumulative
    hazard the probability is off by at most about a tenth of its standard error.
    """
    across = net - np.where(net < 0, high, low)
    quantile = Z80 * np.divide(net, across, out=np.full(len(net), np.inf), where=across != 0)
    probability: Floats = np.interp(np.where(net < 0, quantile, -quantile), NORMAL_Z, NORMAL_P)
    return probability


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
