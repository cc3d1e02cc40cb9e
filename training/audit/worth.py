"""What each feature is worth: how much worse customers are predicted by a model fitted without it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from models.contract import Contract, Vector
from training.evaluation.calibration import interval
from training.evaluation.metrics import Weighed, auc, resamples
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats
from training.model.selection import deviance
from training.reading.lifetimes import Lifetimes, structured

LEARN, JUDGE = 4_000, 10_000
"""Customers that models are fitted on, and that they are judged by, at random if there are more: with ROUNDS and TRIED
this bounds the time that any book takes."""

ROUNDS = 100
"""Most boosting rounds of a fit, with all features and without one alike: so few customers bear no more."""

TRIED = 30
"""Features of the greatest effect that are tried; where there are more, in models of these alone."""

REPLICATES = 200


class FeatureWorth(msgspec.Struct, frozen=True):
    """What is lost without one feature, each with its 95 % interval, paired by customer; above 0: it helps.

    deviance: -2 log likelihood per customer. auc: of the churn within the horizon, censoring weighted out, 0..1.
    """

    feature: str
    deviance: float
    deviance_low: float
    deviance_high: float
    auc: float
    auc_low: float
    auc_high: float


class Worth(msgspec.Struct, frozen=True):
    """Features by what they are worth in AUC, most first.

    deviance, auc: held-out, with all features. customers: how many judged, at random if the book has more; the
    intervals are by bootstrap of these, the models being given.
    untried: features that were too many to be tried, those of the least effect.
    """

    features: tuple[FeatureWorth, ...]
    deviance: float
    auc: float
    customers: int
    untried: tuple[str, ...] = ()


def worth(
    estimator: AdditiveHazardClassifier,
    contract: Contract,
    x: Vector,
    lives: Lifetimes,
    weight: Floats | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Worth | None:
    """Fit without each feature in turn, and see how much worse customers are predicted who were held back.

    None where those held back do not say enough: nobody churned within the horizon, or nobody was seen to survive it.

    Args:
        estimator: not fitted, with the chosen settings.
        contract: the features, F.
        x: the customers encoded, [n, F].
        lives: what became of them.
        weight: of each customer, [n]; equal if None.
        progress: told the share of the models that are fitted.
    """
    rows = np.flatnonzero(lives.observed)
    churned = lives.event[rows]
    if min(churned.sum(), (~churned).sum()) < 2:
        return None
    estimator = clone(estimator).set_params(max_iter=min(estimator.max_iter, ROUNDS))
    size, seed = min(len(rows) // 2, LEARN), estimator.random_state
    learn, rest = train_test_split(rows, train_size=size, stratify=churned, random_state=seed)
    rows, learn, judge = np.concatenate([learn, rest[:JUDGE]]), slice(size), slice(size, None)
    x, y, lives = x[rows], structured(lives.take(rows)), lives.take(rows)
    weight = np.ones(len(x)) if weight is None else weight[rows]
    people = Weighed.over(lives.take(np.arange(size, len(x))), resamples(weight[judge], REPLICATES), estimator.horizon)

    def judged(template: AdditiveHazardClassifier, x: Vector) -> tuple[AdditiveHazardClassifier, Floats, Floats]:
        """A model, and by the customers held back: its mean deviance and its AUC, of each weighting."""
        fitted = clone(template).fit(x[learn], y[learn], weight[learn])
        each = deviance(fitted, x[judge], y[judge]) @ people.weights / people.weights.sum(axis=0)
        return fitted, each, auc(fitted.predict_proba(x[judge])[:, 1], people, estimator.horizon)

    fitted, whole_deviance, whole_auc = judged(estimator, x)
    tried = sorted(np.argsort(-_effects(fitted, x[learn]), kind="stable")[:TRIED].tolist())
    if len(tried) < x.shape[1]:
        x, estimator = x[:, tried], _of_columns(estimator, tried)
        fitted, whole_deviance, whole_auc = judged(estimator, x)
    found, used = [], _effects(fitted, x[learn]) > 0
    for j, position in enumerate(tried):
        progress(j / len(tried))
        without, its_deviance, its_auc = x.copy(), whole_deviance, whole_auc
        without[:, j] = 0.0  # one value: nothing to be learned from it
        if used[j]:
            _, its_deviance, its_auc = judged(estimator, without)
        lost, ranked = _spread(its_deviance - whole_deviance), _spread(whole_auc - its_auc)
        if lost is None or ranked is None:
            return None
        found.append(FeatureWorth(contract.names[position], *lost, *ranked))
    progress(1.0)
    return Worth(
        features=tuple(sorted(found, key=lambda feature: (-feature.auc, -feature.deviance))),
        deviance=float(whole_deviance[0]),
        auc=float(whole_auc[0]),
        customers=len(x) - size,
        untried=tuple(name for position, name in enumerate(contract.names) if position not in tried),
    )


def _effects(fitted: AdditiveHazardClassifier, x: Vector) -> Floats:
    """How much each feature's effect differs between customers, 0 where no tree uses it. Shape [F]."""
    effects = np.concatenate(list(fitted.tables_.effects_of(x)))
    differ: Floats = effects.std(axis=0).mean(axis=1)
    return differ


def _of_columns(estimator: AdditiveHazardClassifier, kept: list[int]) -> AdditiveHazardClassifier:
    """The estimator for some columns alone: whatever it says of a position, it says of the column's new one."""
    new = {old: position for position, old in enumerate(kept)}
    singles = {
        key: tuple(new[j] for j in getattr(estimator, key) if j in new)
        for key in ("categorical", "increasing", "decreasing")
    }
    pairs = tuple((new[a], new[b]) for a, b in estimator.pairs if a in new and b in new)
    narrowed: AdditiveHazardClassifier = clone(estimator).set_params(**singles, pairs=pairs)
    return narrowed


def _spread(values: Floats) -> tuple[float, float, float] | None:
    """A figure [1 + replicates] and its interval; None where it is not defined."""
    bounds = interval(values[1:])
    return None if bounds is None or not np.isfinite(values[0]) else (float(values[0]), *bounds)
