"""Metrics of survival predictions, for many weightings of the customers at once: their own, and bootstrap resamples.

Each event in period s stands for the mass that the product-limit estimator S drops there, each customer still there
after period t for a share of S(t). Without late entry that is weighing by the inverse probability of being censored
(Uno et al. 2011, Graf et al. 1999); with it, by that of being under observation, which is the same formula

    w(t) = S(t-1) / Y(t)        Y(t) the customers at risk in period t

and needs, as there, that entry and censoring tell nothing of the outcome. A customer censored in period t has survived
it. scikit-survival, which takes neither weights nor entry, gives the same where it is told the censored half a period
later; the tests hold to that.

K weightings are columns: `weights` [n, K], a metric [K]; NaN where one is not defined.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.reading.lifetimes import Floats, Lifetimes

Ints = NDArray[np.int64]

TIED = 8
"""Digits of a risk that count: what differs beyond them is tied, as in scikit-survival."""

EVENTS_AT_ONCE = 512
"""Rows of the matrix of pairs; bounds the memory at 40 MB for 20,000 customers."""


class Weighed(msgspec.Struct, frozen=True):
    """n customers under K weightings, and periods 1..P.

    weights: [n, K]. at_risk, events: weighted counts, [P, K]. survival: Kaplan-Meier S(0..P), [P + 1, K].
    inverse: w(1..P), [P, K].
    """

    lives: Lifetimes
    weights: Floats
    at_risk: Floats
    events: Floats
    survival: Floats
    inverse: Floats

    @classmethod
    def over(cls, lives: Lifetimes, weights: Floats, periods: int) -> Weighed:
        """Count once what every metric needs."""
        seen, event = lives.observed, lives.event & lives.observed
        change = _sums(lives.entry, seen, weights, periods) - _sums(lives.exit, seen, weights, periods)
        at_risk = np.cumsum(change, axis=0)[:periods]
        events = _sums(lives.exit - 1, event, weights, periods)[:periods]
        hazard = np.divide(events, at_risk, out=np.full_like(events, np.nan), where=at_risk > 0)
        survival = np.vstack([np.ones(weights.shape[1]), np.cumprod(1.0 - hazard, axis=0)])
        inverse = np.divide(survival[:-1], at_risk, out=np.zeros_like(events), where=at_risk > 0)
        return cls(lives, weights, at_risk, events, survival, inverse)

    def churned(self, until: int) -> tuple[Ints, Floats]:
        """Who was seen to churn in periods 1..until, and the mass that each stands for. Shapes [e], [e, K]."""
        who = np.flatnonzero(self.lives.event & self.lives.observed & (self.lives.exit <= until))
        return who, self.weights[who] * self.inverse[self.lives.exit[who] - 1]

    def stayed(self, period: int) -> tuple[Ints, Floats]:
        """Who was seen to survive a period, and the mass that each stands for. Shapes [s], [s, K]."""
        lives = self.lives
        who = np.flatnonzero((lives.entry < period) & ((lives.exit > period) | ((lives.exit == period) & ~lives.event)))
        return who, self.weights[who] * self.inverse[period - 1]


def resamples(weight: Floats, replicates: int, seed: int = 0) -> Floats:
    """Column 0: the customers' own weight [n]; then bootstrap resamples of the customers. Shape [n, 1 + replicates]."""
    n = len(weight)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=replicates).T
    weights: Floats = weight[:, None] * np.column_stack([np.ones(n), drawn])
    return weights


def c_index(risk: Floats, people: Weighed, tau: int) -> Floats:
    """Share of pairs in the right order, among an event up to `tau` and who survived its period. Shape [K].

    risk: [n]. With w(t) squared, since both of a pair were under observation (Uno et al. 2011).
    """
    lives, rank = people.lives, _ranks(risk)
    weights = people.weights.astype(np.float32)
    who = np.flatnonzero(lives.event & lives.observed & (lives.exit <= tau))
    right = np.zeros(people.weights.shape[1])
    for start in range(0, len(who), EVENTS_AT_ONCE):
        some = who[start : start + EVENTS_AT_ONCE]
        when = lives.exit[some, None]
        comparable = (lives.entry < when) & ((lives.exit > when) | ((lives.exit == when) & ~lives.event))
        ahead = (rank[some, None] > rank).astype(np.float32) + np.float32(0.5) * (rank[some, None] == rank)
        below = (ahead * comparable) @ weights
        right += (people.weights[some] * people.inverse[when[:, 0] - 1] ** 2 * below).sum(axis=0)
    survived = people.at_risk - people.events
    pairs = (people.events * people.inverse**2 * survived)[:tau].sum(axis=0)
    return _ratio(right, pairs)


def auc(risk: Floats, people: Weighed, period: int) -> Floats:
    """Chance that who churns by `period` has a higher risk than who survives it (Hung and Chiang 2010). Shape [K]."""
    rank = _ranks(risk)
    churned, case = people.churned(period)
    stayed, control = people.stayed(period)
    ranks = int(rank.max()) + 1
    cases, controls = _sums(rank[churned], None, case, ranks)[:ranks], _sums(rank[stayed], None, control, ranks)[:ranks]
    below = np.cumsum(controls, axis=0) - 0.5 * controls
    return _ratio((cases * below).sum(axis=0), cases.sum(axis=0) * controls.sum(axis=0))


def brier(survival: Floats, people: Weighed, period: int) -> Floats:
    """Mean squared error of S(period | x) [n] (Graf et al. 1999). Shape [K]."""
    churned, case = people.churned(period)
    stayed, control = people.stayed(period)
    error = (survival[churned] ** 2) @ case + ((1.0 - survival[stayed]) ** 2) @ control
    return _ratio(error, case.sum(axis=0) + control.sum(axis=0))


def integrated_brier(survival: Floats, people: Weighed, periods: Ints) -> Floats:
    """Brier score over two or more periods by the trapezoid rule, per period; survival [n, T]. Shape [K]."""
    scores = np.array([brier(survival[:, period - 1], people, int(period)) for period in periods])
    integrated: Floats = np.trapezoid(scores, periods, axis=0) / (periods[-1] - periods[0])
    return integrated


def administrative_brier(survival: Floats, people: Weighed, followed: Ints, period: int) -> Floats:
    """Mean squared error of S(period | x) [n] among those whom observation followed that long. Shape [K].

    Their outcome is known, so that nothing is weighed (Kvamme and Borgan 2019, section 4). followed: [n], the period
    that each would have been censored in, for churners too. Only who was there from the first period on can be asked.
    """
    lives = people.lives
    who = np.flatnonzero((followed >= period) & (lives.entry == 0))
    survived = lives.exit[who] >= np.where(lives.event[who], period + 1, period)
    error = (survived - survival[who]) ** 2
    return _ratio(error @ people.weights[who], people.weights[who].sum(axis=0))


def expected_events(survival: Floats, lives: Lifetimes) -> Floats:
    """Sum of the hazards in periods entry+1 .. min(exit, T) of each customer; survival [n, T]. Shape [n]."""
    before = np.column_stack([np.ones(len(survival)), survival[:, :-1]])
    hazard = 1.0 - np.divide(survival, before, out=np.zeros_like(survival), where=before > 0)
    period = np.arange(1, survival.shape[1] + 1)
    expected: Floats = np.where((period > lives.entry[:, None]) & (period <= lives.exit[:, None]), hazard, 0.0).sum(1)
    return expected


def _ranks(risk: Floats) -> Ints:
    """0, 1, … from the lowest risk up, tied ones alike. Shape [n]."""
    return np.unique(np.round(risk, TIED), return_inverse=True)[1].astype(np.int64)


def _sums(group: NDArray[np.integer], which: NDArray[np.bool_] | None, weights: Floats, groups: int) -> Floats:
    """Weights of those in `which` summed per group 0 .. groups - 1, and beyond. Shape [groups + 1, K]."""
    rows = np.arange(len(group)) if which is None else np.flatnonzero(which)
    where = np.minimum(group[rows], groups)
    one_hot = csr_array((np.ones(len(rows)), (where, rows)), shape=(groups + 1, len(group)))
    summed: Floats = one_hot @ weights
    return summed


def _ratio(over: Floats, under: Floats) -> Floats:
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)
