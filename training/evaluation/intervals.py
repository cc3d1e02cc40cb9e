"""Shares, ratios and counts with their confidence intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
from scipy.stats import beta, chi2

LEVEL = 0.95


class Estimate(msgspec.Struct, frozen=True):
    """A figure and its confidence interval, low <= value <= high."""

    value: float
    low: float
    high: float


class Rate(NamedTuple):
    """A share, 0..1, that is as sure as that of so many Bernoulli trials; they need not be a whole number."""

    share: float
    trials: float


def joint(comparisons: int) -> float:
    """The level of each interval, so that all of so many hold at once with LEVEL (Bonferroni)."""
    return 1.0 - (1.0 - LEVEL) / max(comparisons, 1)


def share(rate: Rate, level: float = LEVEL) -> Estimate:
    """The interval of Clopper and Pearson 1934."""
    tail, hits = (1.0 - level) / 2.0, rate.share * rate.trials
    low = beta.ppf(tail, hits, rate.trials - hits + 1.0) if rate.share > 0.0 else 0.0
    high = beta.ppf(1.0 - tail, hits + 1.0, rate.trials - hits) if rate.share < 1.0 else 1.0
    return Estimate(rate.share, float(low), float(high))


def ratio(rate: Rate, reference: Rate, level: float = LEVEL) -> Estimate:
    """One share over another, its interval from those of the two (Zou and Donner 2008, equation 4, of the logarithms).

    Where one of them is zero, half a hit stands for it in the value; then low is 0, or high infinite.
    """
    one, other = share(rate, level), share(reference, level)
    top, bottom = (part.share or 0.5 / part.trials for part in (rate, reference))
    down = math.hypot(_log(top) - _log(one.low), _log(other.high) - _log(bottom))
    up = math.hypot(_log(one.high) - _log(top), _log(bottom) - _log(other.low))
    value = top / bottom
    return Estimate(value, value * math.exp(-down), value * math.exp(up))


def expected_over_observed(expected: float, observed: float, level: float = LEVEL) -> Estimate:
    """Expected events over `observed` > 0, a Poisson count with the exact interval of Garwood 1936."""
    tail = (1.0 - level) / 2.0
    fewest, most = chi2.ppf(tail, 2.0 * observed) / 2.0, chi2.ppf(1.0 - tail, 2.0 * observed + 2.0) / 2.0
    return Estimate(expected / observed, expected / float(most), expected / float(fewest))


def _log(figure: float) -> float:
    return math.log(figure) if figure > 0.0 else -math.inf
