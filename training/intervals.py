"""Shares, ratios and counts with their confidence intervals."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from scipy.stats import beta, chi2, norm

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
    """One share over another, with the interval of its logarithm (Katz et al. 1978), half a hit added (Walter 1975).

    So it is finite where there are no hits; its value is then the one with half a hit.
    """
    logs, variance = [], 0.0
    for one in (rate, reference):
        hits, trials = one.share * one.trials + 0.5, one.trials + 0.5
        logs.append(np.log(hits / trials))
        variance += 1.0 / hits - 1.0 / trials
    log_ratio, reach = logs[0] - logs[1], norm.ppf((1.0 + level) / 2.0) * np.sqrt(variance)
    low, high = float(np.exp(log_ratio - reach)), float(np.exp(log_ratio + reach))
    plain = rate.share / reference.share if rate.share > 0.0 and reference.share > 0.0 else float(np.exp(log_ratio))
    return Estimate(min(max(plain, low), high), low, high)


def expected_over_observed(expected: float, observed: float, level: float = LEVEL) -> Estimate:
    """Expected events over `observed` > 0, a Poisson count with the exact interval of Garwood 1936."""
    tail = (1.0 - level) / 2.0
    fewest, most = chi2.ppf(tail, 2.0 * observed) / 2.0, chi2.ppf(1.0 - tail, 2.0 * observed + 2.0) / 2.0
    return Estimate(expected / observed, expected / float(most), expected / float(fewest))
