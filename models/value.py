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


LEAST_MARGIN = 1e-12
"""A margin per period below that counts as none."""


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
    ends: NDArray[np.floating] | None = None,
) -> Value:
    """Value n prospects over T periods, as section 4 of the design states it.

    Args:
        survival: P(not churned after period t), t = 1..T. Shape [n, T].
        money: their money terms.
        period: unit of t.
        supported_periods: the last period that enough customers of the book reached; what lies beyond is extrapolated.
        other_exits: P(no exit for another reason after period t), shape [T]; None where there are none.
        ends: survival at the ends of its 80 % interval, as `interval` gives it [2, n, T]; None where it is not known.
    """
    n, periods = survival.shape
    later, accumulated = _discounting(money.annual_discount_rate, period, periods)
    stays = survival.astype(np.float64) if other_exits is None else survival * other_exits
    annuity = 1.0 + np.vecdot(stays, later)
    beyond_from = max(supported_periods - 1, 0)
    beyond = (np.vecdot(stays[:, beyond_from:], later[..., beyond_from:]) + (supported_periods == 0)) / annuity

    margin, closing = np.full(n, money.margin_per_period), np.asarray(money.closing_cost)
    pltv = margin * annuity
    net = pltv - closing
    unknown = ~np.isfinite(net)
    ltv_minus = net < 0
    cpa = money.acquisition_spent + closing

    losing = _periods_losing(margin, closing, accumulated)
    never = losing == periods
    loss = 1.0 - stays[np.arange(n), losing - 1]
    loss[losing == 0] = 0.0
    loss[never] = 1.0
    loss[unknown] = np.nan
    beyond[unknown] = np.nan

    if ends is None:
        low = high = negative = np.full(n, np.nan)
    else:
        staying = ends if other_exits is None else ends * other_exits
        first, second = margin * (1.0 + np.vecdot(staying, later.astype(staying.dtype))) - closing
        low, high = np.minimum(net, np.minimum(first, second)), np.maximum(net, np.maximum(first, second))
        negative = _negative_probability(net, low, high)
    return Value(
        known=~unknown,
        pltv=pltv,
        net_value=net,
        pltv_to_cpa=pltv / np.where(cpa > 0, cpa, np.nan),
        break_even=(losing + 1) * ~never,
        loss_probability=loss,
        beyond_data_share=beyond,
        ltv_minus=ltv_minus,
        # Who never leaves and still does not pay back is no early leaver.
        cause=np.where(ltv_minus, never, -1),
        net_value_low=low,
        net_value_high=high,
        net_negative_probability=negative,
    )


def interval(survival: NDArray[np.floating], spread: NDArray[np.floating]) -> NDArray[np.floating]:
    """Survival [n, T] at the ends of its 80 % interval, the higher first: [2, n, T].

    The whole curve is taken to move with its log cumulative hazard, whose standard error is `spread` [n]; NaN where
    that is NaN.
    """
    with np.errstate(divide="ignore"):  # who surely leaves, surely leaves at either end
        log_survival = np.log(survival)
    ends: NDArray[np.floating] = np.exp(ENDS * spread)[:, :, None] * log_survival
    np.exp(ends, out=ends)
    return ends


def _periods_losing(margin: Floats, closing: Number, accumulated: Floats) -> NDArray[np.int64]:
    """How many periods a customer who never leaves spends below what closing costs, of T all if need be. Shape [n].

    Whoever has paid back stays so: the margin has one sign, and the cost is none or more.
    """
    covered_at = closing / np.maximum(margin, LEAST_MARGIN)  # in today's worth of as many payments of 1
    if accumulated.ndim == 1:
        losing = accumulated.searchsorted(covered_at)
    else:
        losing = (~(accumulated >= covered_at[:, None])).sum(axis=1)
    losing[margin < 0] = accumulated.shape[-1]
    return losing


def _negative_probability(net: Floats, low: Floats, high: Floats) -> Floats:
    """P(net < 0) for a quantity that is `low`, `net` and `high` at the quantiles -Z80, 0 and Z80 of a normal one.

    In between, and beyond, it is taken to follow the line through the two nearest; for a shift of the log cumulative
    hazard the probability is off by at most about a tenth of its standard error.
    """
    reach = np.abs(net - np.where(net < 0, high, low))
    quantile = np.divide(-Z80 * net, reach, out=np.copysign(np.inf, -net), where=reach != 0)
    probability: Floats = np.interp(quantile, NORMAL_Z, NORMAL_P)
    return probability


def _discounting(annual_rate: Number, period: str, periods: int) -> tuple[Floats, Floats]:
    """What a payment in period t is worth today, (1 + r)^(-(t - 1) / p).

    For t = 2..T, then 0 as nothing is counted after T; and its running sum for t = 1..T. Each has shape [T] for one
    rate, [n, T] for a rate per prospect.
    """
    if isinstance(annual_rate, float):
        return _discounting_at(annual_rate, period, periods)
    return _discount(annual_rate[:, None], period, periods)


@lru_cache(maxsize=64)
def _discounting_at(annual_rate: float, period: str, periods: int) -> tuple[Floats, Floats]:
    return _discount(annual_rate, period, periods)


def _discount(annual_rate: Number, period: str, periods: int) -> tuple[Floats, Floats]:
    factors = (1.0 + annual_rate) ** (-np.arange(periods) / PERIODS_PER_YEAR[period])
    later = np.zeros_like(factors)
    later[..., :-1] = factors[..., 1:]
    return later, np.cumsum(factors, axis=-1)
