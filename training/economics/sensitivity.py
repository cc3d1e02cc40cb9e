"""What one point less churn, one point of discount and one point of gross margin are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from models.money import Floats, Money
from models.value import Value
from training.economics.values import mean

POINT = 0.01
"""One percentage point."""


class Sensitivity(msgspec.Struct, frozen=True):
    """What the mean pLTV gains when one thing moves by one percentage point and all else stays.

    of: churn within the horizon falls, the discount rises, the gross margin rises. per_customer: change of the mean
    pLTV, currency. book: the same for all customers of the book.
    """

    of: Literal["churn", "discount", "gross_margin"]
    per_customer: float
    book: float


def sensitivities(
    values: Callable[[NDArray[np.floating], Money], Value],
    survival: NDArray[np.floating],
    money: Money,
    weight: Floats,
    horizon: int,
) -> tuple[Sensitivity, ...]:
    """Each point's worth; that of churn is left out where less than a point churns.

    Args:
        values: what each customer is worth, from survival of churn and money.
        survival: S(t | x) [n, T].
        money: money terms of the n customers.
        weight: for how many customers each stands [n].
        horizon: H, in periods.
    """
    now = values(survival, money).pltv
    changed: dict[Literal["churn", "discount", "gross_margin"], Floats] = {}
    times = lower_hazards(survival[:, horizon - 1].astype(np.float64), weight)
    if times is not None:
        changed["churn"] = values(np.power(survival, times, dtype=survival.dtype), money).pltv
    dearer = msgspec.structs.replace(money, discount=np.minimum(np.asarray(money.discount) + POINT, 1.0))
    richer = msgspec.structs.replace(money, gross_margin=np.minimum(np.asarray(money.gross_margin) + POINT, 1.0))
    changed |= {"discount": values(survival, dearer).pltv, "gross_margin": values(survival, richer).pltv}
    known = float(weight[np.isfinite(now)].sum())
    gains = {of: mean(then - now, weight) for of, then in changed.items()}
    return tuple(Sensitivity(of, gain, gain * known) for of, gain in gains.items())


def lower_hazards(stays: Floats, weight: Floats) -> float | None:
    """What to multiply every cumulative hazard by, so that the mean churn falls by one point; None if less churns.

    S(t | x)^c is the curve whose cumulative hazard -log S is c times as large.

    Args:
        stays: S(H | x) [n].
        weight: for how many customers each stands [n].
    """
    churn = 1.0 - float(np.average(stays, weights=weight))
    if churn <= POINT:
        return None

    def too_much(times: float) -> float:
        return churn - POINT - (1.0 - float(np.average(stays**times, weights=weight)))

    return float(brentq(too_much, 0.0, 1.0))
