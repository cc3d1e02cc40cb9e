"""How one feature goes with the time stayed and with the outcome, measured on customers that it was not learned from.

Features of every kind are read alike: as groups of customers, one per category or bin, missing among them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.model.bins import Bins
from training.model.personperiods import Floats, Ints

Bools = NDArray[np.bool_]

MAX_BINS, PER_BIN = 32, 20
"""A number is cut into so many bins, fewer where they would hold fewer customers."""

PRIOR = 5.0
"""A group's mean is drawn to that of all as by so many customers, since a small group's own says little."""

Z = 2.0
"""Standard errors between an estimate and its bound (97.7 %, one-sided): a small book must not be accused by chance."""


class Bound(NamedTuple):
    """An estimate and its lower bound."""

    value: float
    low: float


def groups(column: NDArray[np.float32], *, category: bool) -> Ints:
    """The group of each customer, 0 for missing. Shape [n]."""
    bins = int(np.clip(len(column) // PER_BIN, 2, MAX_BINS))
    return Bins.of(column, bins, categorical=category).rows(column)


def learned(group: Ints, target: Floats, onto: Ints) -> Floats:
    """The mean `target` of the group that each customer of `onto` is in. Shape [len(onto)]."""
    size = int(max(group.max(initial=0), onto.max(initial=0))) + 1
    count, total = np.bincount(group, minlength=size), np.bincount(group, weights=target, minlength=size)
    means: Floats = (total + PRIOR * target.mean()) / (count + PRIOR)
    return means[onto]


def crossed(group: Ints, target: Floats) -> Floats:
    """The same, each half of the customers learned from the other. Shape [n]."""
    half = np.random.default_rng(20).permutation(len(group)) % 2 == 0
    score = np.empty(len(group))
    for here in (half, ~half):
        score[here] = learned(group[~here], target[~here], group[here])
    return score


def correlation(a: Floats, b: Floats, stratum: Ints | None = None) -> Bound:
    """Pearson's correlation, within strata if given, with a bound by Fisher's z (1921); 0 where one does not vary."""
    strata = 1
    if stratum is not None:
        a, b = _centred(a, stratum), _centred(b, stratum)
        strata = len(np.unique(stratum))
    if len(a) <= strata + 3 or min(a.std(), b.std()) < 1e-9:
        return Bound(0.0, -1.0)
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -0.999999, 0.999999))
    return Bound(r, float(np.tanh(np.arctanh(r) - Z / np.sqrt(len(a) - strata - 2))))


def ranks(values: NDArray[np.generic]) -> Floats:
    """Ranks from 0 to 1, equal values sharing theirs. Shape [n]."""
    shared: Floats = rankdata(values) / max(len(values), 1)
    return shared


def auc(score: Floats, case: Bools, weight: Floats, stratum: Ints) -> Bound:
    """P(a case scores above a control of its stratum), ties counting half, with a bound by Hanley and McNeil (1982)."""
    above = pairs = 0.0
    for one in np.unique(stratum):
        here = stratum == one
        cases, controls = here & case, here & ~case
        order = np.argsort(score[controls])
        before = np.append(0.0, np.cumsum(weight[controls][order]))
        sorted_scores = score[controls][order]
        left = before[np.searchsorted(sorted_scores, score[cases], "left")]
        right = before[np.searchsorted(sorted_scores, score[cases], "right")]
        above += float((weight[cases] * (left + right)).sum()) / 2
        pairs += float(weight[cases].sum() * before[-1])
    if pairs == 0:
        return Bound(0.5, 0.0)
    a, n, m = above / pairs, int(case.sum()), int((~case).sum())
    of_two = (n - 1) * (a / (2 - a) - a**2) + (m - 1) * (2 * a**2 / (1 + a) - a**2)
    return Bound(a, a - Z * float(np.sqrt((a * (1 - a) + of_two) / (n * m))))


def bounds(which: Bools) -> tuple[float, float]:
    """Lower and upper bound of the share of those for whom it is true (Wilson 1927)."""
    p, z = float(which.mean()), Z**2 / len(which)
    middle, half = p + z / 2, float(np.sqrt(z * (p * (1 - p) + z / 4)))
    return (middle - half) / (1 + z), (middle + half) / (1 + z)


def _centred(values: Floats, stratum: Ints) -> Floats:
    return values - (np.bincount(stratum, weights=values) / np.maximum(np.bincount(stratum), 1))[stratum]
