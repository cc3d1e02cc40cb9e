"""Selection: the settings of the boosted trees and the few pairs of features that earn their place.

Chosen by cross-validation over the customers that are given, by the deviance of their person-periods, and by nothing
else: whoever measures the model's quality must hold the customers that he tests on back from here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats, Ints, count_person_periods, survival_target
from training.model.tables import softplus

FOLDS = 3
CUSTOMERS = 20_000
"""Customers that settings are chosen on, at random if there are more: bounds the time that a large book takes."""

SETTINGS: tuple[dict[str, int], ...] = tuple(
    {"max_iter": rounds, "max_leaf_nodes": leaves}
    for leaves, rounds in ((4, 25), (4, 50), (4, 200), (6, 200), (8, 200), (8, 400))
)
"""From the plainest to the richest; they are tried in this order until one is no better than the one before."""

PAIRS = (1, 3)
"""How many of the most promising pairs are tried together; the second only if the first is worth it."""

WORTH_IT = 2.0
"""Pairs stay if they lower the deviance by more than so many standard errors of the gain, paired by customer."""

COARSE_BINS = 8
"""Per feature, when pairs are ranked."""

Progress = Callable[[float], None]


class Selected(NamedTuple):
    """The settings that were chosen, and the mean deviance per customer of all that were tried."""

    estimator: AdditiveHazardClassifier
    deviances: dict[str, float]


def select(
    template: AdditiveHazardClassifier,
    x: NDArray[np.float32],
    y: NDArray[np.void],
    weight: Floats | None = None,
    progress: Progress = lambda _: None,
) -> Selected:
    """A copy of `template`, not yet fitted, with the settings and pairs that predict held-out customers best.

    Args:
        template: its horizon, categories and constraints are kept.
        x: encoded customers [n, F].
        y: their lifetimes, structured [n].
        weight: of each customer, [n]; equal if None.
        progress: told the share of the work that is done.
    """
    rng = np.random.default_rng(template.random_state)
    weight = np.ones(len(x)) if weight is None else weight
    if len(x) > CUSTOMERS:
        chosen = np.sort(rng.choice(len(x), CUSTOMERS, replace=False))
        x, y, weight = x[chosen], y[chosen], weight[chosen]
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=template.random_state).split(x, y["event"]))
    steps = iter(range(1, 1 + FOLDS * (len(SETTINGS) + len(PAIRS))))
    total = FOLDS * (len(SETTINGS) + len(PAIRS))

    def held_out(estimator: AdditiveHazardClassifier) -> Floats:
        """Deviance of every customer under a model fitted without it. Shape [n]."""
        each = np.empty(len(x))
        for train, test in folds:
            fitted = clone(estimator).fit(x[train], y[train], weight[train])
            each[test] = deviance(fitted, x[test], y[test])
            progress(next(steps) / total)
        return each

    best, least, alone = clone(template), np.inf, np.empty(0)
    deviances = {}
    for settings in SETTINGS:
        estimator = clone(template).set_params(**settings)
        loss = held_out(estimator)
        deviances[_name(settings)] = mean = float(np.average(loss, weights=weight))
        if mean >= least:
            break
        best, least, alone = estimator, mean, loss
    pairs, deviances_of_pairs = _select_pairs(best, alone, held_out, x, y, weight)
    progress(1.0)
    return Selected(clone(best).set_params(pairs=pairs), deviances | deviances_of_pairs)


def deviance(fitted: AdditiveHazardClassifier, x: NDArray[np.float32], y: NDArray[np.void]) -> Floats:
    """-2 log likelihood of each customer's person-periods. Shape [n]."""
    grid = fitted.tables_.grid
    trials = count_person_periods(survival_target(y, len(x)), grid)
    log_odds = fitted.tables_.log_odds(x)[trials.customer, trials.segment]
    each = trials.trials * softplus(np.where(trials.label == 1, -log_odds, log_odds))
    return 2.0 * _sums(trials.customer, each, len(x))


def rank_pairs(
    fitted: AdditiveHazardClassifier, x: NDArray[np.float32], y: NDArray[np.void], weight: Floats
) -> list[tuple[int, int]]:
    """Pairs of features, most promising first, by what a joint table of coarse bins would gain beyond one for each.

    The gain is that of a Newton step on what `fitted`, which has no pairs, leaves unexplained (Lou et al. 2013, section
    4: FAST); summed over time, since an interaction that lasts shows there.
    """
    trials = count_person_periods(survival_target(y, len(x)), fitted.tables_.grid)
    hazard = expit(fitted.tables_.log_odds(x)[trials.customer, trials.segment])
    counted = trials.trials * weight[trials.customer]
    gradient = _sums(trials.customer, counted * (trials.label - hazard), len(x))
    curvature = _sums(trials.customer, counted * hazard * (1 - hazard), len(x))
    coarse = [_coarse(feature.rows(x[:, j])) for j, feature in enumerate(fitted.tables_.bins)]
    alone = [_gain(rows, gradient, curvature) for rows in coarse]
    nothing = _gain(np.zeros(len(x), dtype=np.int64), gradient, curvature)
    gains = {
        (a, b): _gain(coarse[a] * (coarse[b].max() + 1) + coarse[b], gradient, curvature)
        - alone[a]
        - alone[b]
        + nothing
        for a, b in combinations(range(len(coarse)), 2)
    }
    return sorted(gains, key=lambda pair: -gains[pair])


def _select_pairs(
    estimator: AdditiveHazardClassifier,
    alone: Floats,
    held_out: Callable[[AdditiveHazardClassifier], Floats],
    x: NDArray[np.float32],
    y: NDArray[np.void],
    weight: Floats,
) -> tuple[tuple[tuple[int, int], ...], dict[str, float]]:
    ranked = rank_pairs(clone(estimator).fit(x, y, weight), x, y, weight)
    best: tuple[tuple[int, int], ...] = ()
    least, deviances = alone, {}
    for count in PAIRS:
        if count > len(ranked):
            break
        loss = held_out(clone(estimator).set_params(pairs=tuple(ranked[:count])))
        deviances[f"pairs {count}"] = float(np.average(loss, weights=weight))
        gain = weight * (least - loss)
        if gain.mean() <= WORTH_IT * gain.std() / np.sqrt(len(gain)):
            break
        best, least = tuple(ranked[:count]), loss
    return best, deviances


def _coarse(rows: Ints) -> Ints:
    """Rows of a table in at most COARSE_BINS groups of about equal size, missing by itself."""
    seen, rank = np.unique(rows, return_inverse=True)
    if len(seen) <= COARSE_BINS:
        return rank
    share = np.cumsum(np.bincount(rank)) / len(rows)
    group = np.minimum((share * COARSE_BINS).astype(np.int64), COARSE_BINS - 1)[rank]
    group[rows == 0] = COARSE_BINS
    return group


def _gain(cell: Ints, gradient: Floats, curvature: Floats) -> float:
    slope, bend = _sums(cell, gradient), _sums(cell, curvature)
    return float((slope**2 / (bend + 1.0)).sum())


def _sums(group: Ints, values: Floats, groups: int = 0) -> Floats:
    """The sum of the values in each group."""
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def _name(settings: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())
