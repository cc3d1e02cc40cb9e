"""The model: a discrete-time survival classifier, additive in the features, as a scikit-learn estimator.

    logit h(t | x) = b(t) + sum_j f_j(x_j, t)        S(t | x) = prod_{k<=t} (1 - h(k | x))

Boosted trees are fitted on person-periods (Singer and Willett 1993) and may combine each feature with time only, and
the few pairs that are named. So the ensemble collapses exactly into tables, which from then on are the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils import Tags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from training.model.attribution import Attribution
from training.model.bins import Bins
from training.model.evidence import Evidence
from training.model.personperiods import (
    SUPPORT,
    Floats,
    Ints,
    SurvivalTarget,
    TimeGrid,
    count_person_periods,
    survival_target,
)
from training.model.tables import collapse, merge

REPLICATES = 20
"""Refits from which the standard errors are learned; twice as many would make them a third less uncertain."""

ROUNDS = 400
"""Trees of a refit, at least; so many that hardly any effect is shrunk."""

THREADED = 1_000_000
"""Person-periods from which threads bring more than they cost: they meet at every node of every tree, and wait there
for the one that another process holds up."""

DRAWN = 20_000
"""Customers that a refit is drawn from the book, at most."""


class AdditiveHazardClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Additive discrete-time hazard.

    Parameters:
        horizon: H; the risk is P(event within H periods).
        periods: T; the length of the survival curve.
        categorical: positions of the features that hold category codes 0, 1, …; -1 stands for an unknown category.
        pairs: positions of features that may act together.
        increasing, decreasing: positions of numbers with which the hazard may only rise, or only fall.
        learning_rate, max_iter, max_leaf_nodes, min_samples_leaf, l2_regularization: of the boosted trees.
        max_features: share of the features, drawn anew for each split, among which it looks for the best.
        max_bins: bins per number, at most 255.
        max_segments: segments of time within which the hazard is constant.
        tail_at_risk: after the last period that so many customers reached, the last segment's hazard is carried on.
        random_state: seed.

    Attributes:
        classes_: the two labels, the event last; [False, True] for a structured target.
        tables_: the fitted effects, baseline and time grid.
        evidence_: what stands behind them; without standard errors until `bootstrap`.
        base_: mean predicted risk of the training book.
        attribution_: where the points of each feature come from.
        missing_seen_: whether training saw each feature missing, [F].
    """

    def __init__(  # noqa: PLR0913 - an estimator's parameters are its constructor's
        self,
        horizon: int = 12,
        periods: int = 60,
        categorical: tuple[int, ...] = (),
        *,
        pairs: tuple[tuple[int, int], ...] = (),
        increasing: tuple[int, ...] = (),
        decreasing: tuple[int, ...] = (),
        learning_rate: float = 0.2,
        max_iter: int = 100,
        max_leaf_nodes: int = 6,
        min_samples_leaf: int = 20,
        l2_regularization: float = 1.0,
        max_features: float = 0.4,
        max_bins: int = 64,
        max_segments: int = 16,
        tail_at_risk: int = SUPPORT,
        random_state: int | None = 0,
    ) -> None:
        self.horizon = horizon
        self.periods = periods
        self.categorical = categorical
        self.pairs = pairs
        self.increasing = increasing
        self.decreasing = decreasing
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.max_segments = max_segments
        self.tail_at_risk = tail_at_risk
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit on n customers.

        Args:
            X: features [n, F], cast to float32, the precision that serves; NaN is missing.
            y: structured with fields `event` (bool), `time` (the last period at risk) and optionally `entry` (periods
                already passed when observation began); or two plain labels, the case T = 1.
            sample_weight: weight of each customer [n].

        Raises:
            ValueError: a shape, a label or a time that makes no sense, or no event to learn from.
        """
        x: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan")
        target = survival_target(y, len(x))
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        grid = TimeGrid.over(
            target,
            horizon=self.horizon,
            periods=self.periods,
            max_segments=self.max_segments,
            tail=self.tail_at_risk,
        )
        bins = [Bins.of(column, self.max_bins, categorical=j in self.categorical) for j, column in enumerate(x.T)]
        rows = np.column_stack([feature.rows(column) for feature, column in zip(bins, x.T, strict=True)])
        ensemble = self._boost(bins, rows, target, grid, weight, self.max_iter)
        self.classes_ = target.classes
        self.n_iter_ = ensemble.n_iter_
        self.missing_seen_ = np.isnan(x).any(axis=0)
        self.tables_ = merge(collapse(ensemble.decision_function, bins, self.pairs, rows, weight, grid), rows)
        self.evidence_ = Evidence.counted(self.tables_, self.tables_.rows(x), target)
        self.base_ = float(np.average(self.tables_.risk(x), weights=weight))
        self.attribution_ = Attribution.over(self.tables_, x, weight)
        return self

    def bootstrap(
        self,
        X: ArrayLike,  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        replicates: int = REPLICATES,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Self:
        """Learn how far the fitted effects may be off, from refits on customers drawn with replacement.

        The refits are boosted far beyond what predicts best: what shrinkage takes from the variance of an effect it
        adds to its bias, and undersmoothing lets the spread stand for both (Hall 1992, section 4.4). Books of more than
        DRAWN customers are drawn from m out of n, the spread scaled by sqrt(m / n) (Politis and Romano 1994).

        Args:
            X: as given to `fit`.
            y: as given to `fit`.
            sample_weight: as given to `fit`.
            replicates: how many refits; with 0 nothing is learned.
            progress: told the share of them that is done.
        """
        if not replicates:
            return self
        x = self._validated(X)
        target = survival_target(y, len(x))
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        tables, rows = self.tables_, self.tables_.rows(x)
        rng = np.random.default_rng(self.random_state)
        drawn, refitted = min(len(x), DRAWN), []
        for done in range(replicates):
            times = np.bincount(rng.integers(0, len(x), drawn), minlength=len(x))
            who = np.flatnonzero(times)
            args = tables.bins, rows[who], target.take(who), tables.grid, weight[who] * times[who]
            ensemble = self._boost(*args, max(ROUNDS, 2 * self.max_iter))
            refitted.append(
                collapse(ensemble.decision_function, tables.bins, self.pairs, rows[who], args[-1], tables.grid)
            )
            progress((done + 1) / replicates)
        self.evidence_ = self.evidence_.with_replicates(tables, refitted, np.sqrt(drawn / len(x)))
        return self

    def predict_evidence(self, X: ArrayLike) -> tuple[Floats, Floats]:  # noqa: N803
        """Standard error of the log cumulative hazard within the horizon, and the support of n prospects, each [n].

        The error is NaN before `bootstrap`; the support is the person-periods behind the value that the fewest share.
        """
        return self.evidence_.of(self.tables_, self._validated(X))

    def predict_survival_function(self, X: ArrayLike) -> Floats:  # noqa: N803
        """S(t | x), the probability of no event up to and including period t = 1..T. Shape [n, T]."""
        x = self._validated(X)
        return self.tables_.survival(x)

    def predict_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """P(no event) and P(event) within the horizon. Shape [n, 2]."""
        x = self._validated(X)
        risk = self.tables_.risk(x)
        return np.column_stack([1.0 - risk, risk])

    def predict(self, X: ArrayLike) -> NDArray[np.generic]:  # noqa: N803
        """The likelier label within the horizon. Shape [n]."""
        likelier = self.predict_proba(X)[:, 1] > 0.5
        labels: NDArray[np.generic] = self.classes_[likelier.astype(int)]
        return labels

    def predict_points(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Each feature's points: they add up to 100 * (risk - base_) and average zero over the book. Shape [n, F]."""
        x = self._validated(X)
        return self.attribution_.points(x)

    def _boost(
        self, bins: list[Bins], rows: Ints, target: SurvivalTarget, grid: TimeGrid, weight: Floats, rounds: int
    ) -> HistGradientBoostingClassifier:
        """Boosted trees on person-periods, each tree free to combine one feature, or one pair, with time."""
        rows_at_risk = count_person_periods(target, grid)
        features = len(bins)
        seen = np.column_stack([feature.as_input(rows[:, j]) for j, feature in enumerate(bins)])
        # The trees sort categories to the front, and take the constraint (alone of all) by that order.
        place = np.argsort(np.argsort([j not in self.categorical for j in range(features)], kind="stable"))
        ensemble = HistGradientBoostingClassifier(
            interaction_cst=[{j, features} for j in range(features)]
            + [{place[a], place[b], features} for a, b in self.pairs],
            monotonic_cst=[(j in self.increasing) - (j in self.decreasing) for j in range(features)] + [0],
            categorical_features=list(self.categorical) or None,
            learning_rate=self.learning_rate,
            max_iter=rounds,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            max_features=self.max_features,
            max_bins=255,  # the columns are binned already; every bin must keep its own
            early_stopping=False,
            random_state=self.random_state,
        )
        with threadpool_limits(None if len(rows_at_risk.label) > THREADED else 1, user_api="openmp"):
            return ensemble.fit(
                np.column_stack([seen[rows_at_risk.customer], rows_at_risk.segment]),
                rows_at_risk.label,
                sample_weight=rows_at_risk.trials * weight[rows_at_risk.customer],
            )

    def _validated(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        check_is_fitted(self)
        validated: NDArray[np.float32] = validate_data(
            self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False
        )
        return validated

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags
