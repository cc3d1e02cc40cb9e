"""Peers: what others would fit to the same customers, written as users of those libraries would write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sksurv.ensemble import GradientBoostingSurvivalAnalysis, RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from models.contract import UNKNOWN, Vector
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import SUPPORT, TimeGrid, count_person_periods, survival_target
from training.reading.lifetimes import Floats, Lifetimes, structured

TIMES = 120
"""Points in time that the survival curves of scikit-survival have at most: a forest keeps them all in every leaf."""

SEGMENTS = 72
"""Of constant hazard, in the unconstrained boosted hazard: six years of months one by one."""

Predict = Callable[[Vector], Floats]
"""Encoded customers [m, F] to S(t | x), [m, T]; NaN in the periods that a model says nothing of."""


class Task(NamedTuple):
    """What a model learns from.

    x: encoded customers, float32 [n, F]. weight: of each, [n]. ours: our estimator, not fitted, which says horizon,
    periods, and which features are categories.
    """

    x: Vector
    lives: Lifetimes
    weight: Floats
    ours: AdditiveHazardClassifier


def cox(task: Task) -> Predict:
    """Proportional hazards, ridge penalty by cross-validation; takes no weights."""
    model = _pipeline(task, CoxPHSurvivalAnalysis(n_iter=200))
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(model, {"model__alpha": [0.1, 1.0, 10.0, 100.0]}, cv=folds)
    return _curves(task, search.fit(task.x, _target(task)))


def forest(task: Task) -> Predict:
    """Random survival forest of 200 trees, the size of its leaves by a held-out quarter."""
    model = _pipeline(task, RandomSurvivalForest(200, max_features="sqrt", random_state=0))
    held_out = ShuffleSplit(1, test_size=0.25, random_state=0)
    search = GridSearchCV(model, {"model__min_samples_leaf": [10, 30]}, cv=held_out)
    return _curves(task, search.fit(task.x, _target(task), model__sample_weight=task.weight))


def boosted_cox(task: Task) -> Predict:
    """Gradient-boosted proportional hazards, stopped early; few trees that learn fast, since each takes n squared."""
    model = GradientBoostingSurvivalAnalysis(
        n_estimators=100, learning_rate=0.2, n_iter_no_change=10, validation_fraction=0.2, random_state=0
    )
    return _curves(task, _pipeline(task, model).fit(task.x, _target(task), model__sample_weight=task.weight))


def boosted_hazard(task: Task) -> Predict:
    """Boosted trees on person-periods, free to combine all features; stopped early by held-out customers."""
    target = survival_target(structured(task.lives), len(task.x))
    grid = TimeGrid.over(
        target, horizon=task.ours.horizon, periods=task.ours.periods, max_segments=SEGMENTS, tail=SUPPORT
    )
    trials = count_person_periods(target, grid)
    x = np.column_stack([task.x[trials.customer], trials.segment])
    weight = trials.trials * task.weight[trials.customer]
    customers = train_test_split(np.arange(len(task.x)), test_size=0.2, random_state=0, stratify=task.lives.event)
    train, test = (np.isin(trials.customer, some) for some in customers)
    tried = []
    for leaves in (8, 31):
        model = HistGradientBoostingClassifier(
            categorical_features=list(task.ours.categorical) or None,
            learning_rate=0.1,
            max_iter=500,
            max_leaf_nodes=leaves,
            l2_regularization=1.0,
            early_stopping=True,
            n_iter_no_change=10,
            random_state=0,
        )
        model.fit(
            x[train],
            trials.label[train],
            weight[train],
            X_val=x[test],
            y_val=trials.label[test],
            sample_weight_val=weight[test],
        )
        rounds = int(np.argmax(model.validation_score_))
        tried.append((model.validation_score_[rounds], model.set_params(max_iter=max(rounds, 1), early_stopping=False)))
    best = max(tried, key=lambda one: one[0])[1].fit(x, trials.label, weight)

    def predict(asked: Vector) -> Floats:
        every = np.column_stack(
            [np.repeat(asked, grid.segments, axis=0), np.tile(np.arange(grid.segments), len(asked))]
        )
        hazard = best.predict_proba(every)[:, 1].reshape(len(asked), -1)
        survival: Floats = np.cumprod(1.0 - hazard[:, grid.segment_of], axis=1)
        return survival

    return predict


def horizon_classifier(task: Task) -> Predict:
    """Boosted trees on "churned within the horizon?", without the immature, whose answer is not known yet.

    Who churns early is known early, who stays is not: what is left holds too many churners.
    """
    churned = task.lives.event & (task.lives.exit <= task.ours.horizon)
    known = churned | (task.lives.exit >= task.ours.horizon)
    model = HistGradientBoostingClassifier(
        categorical_features=list(task.ours.categorical) or None,
        learning_rate=0.05,
        early_stopping=True,
        random_state=0,
    )
    model.fit(task.x[known], churned[known], task.weight[known])

    def predict(asked: Vector) -> Floats:
        survival = np.full((len(asked), task.ours.periods), np.nan)
        survival[:, task.ours.horizon - 1] = model.predict_proba(asked)[:, 0]
        return survival

    return predict


class Peer(NamedTuple):
    """A peer, and whether it can learn from who came under observation late; if not, it learns from the others."""

    name: str
    fit: Callable[[Task], Predict]
    takes_entry: bool


PEERS = (
    Peer("Cox", cox, takes_entry=False),
    Peer("survival forest", forest, takes_entry=False),
    Peer("boosted survival", boosted_cox, takes_entry=False),
    Peer("boosted hazard", boosted_hazard, takes_entry=True),
    Peer("horizon classifier", horizon_classifier, takes_entry=True),
)


def _pipeline(task: Task, model: object) -> Pipeline:
    """One-hot, imputed, scaled."""
    numbers = [j for j in range(task.x.shape[1]) if j not in task.ours.categorical]
    prepare = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
            (
                "category",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value=UNKNOWN),
                    OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False),
                ),
                list(task.ours.categorical),
            ),
        ]
    )
    return Pipeline([("prepare", prepare), ("model", model)])


def _target(task: Task) -> NDArray[np.void]:
    width = -(-int(task.lives.exit.max()) // TIMES)
    target: NDArray[np.void] = Surv.from_arrays(task.lives.event, -(-task.lives.exit // width) * width)
    return target


def _curves(task: Task, fitted: Pipeline | GridSearchCV) -> Predict:
    """Step functions in time as curves; before their first step nobody has left, after the last they stay level."""
    pipeline = fitted.best_estimator_ if isinstance(fitted, GridSearchCV) else fitted
    times = pipeline["model"].unique_times_
    step = np.searchsorted(times, np.arange(1, task.ours.periods + 1), side="right")

    def predict(asked: Vector) -> Floats:
        curves = pipeline.predict_survival_function(asked, return_array=True)
        survival: Floats = np.column_stack([np.ones(len(asked)), curves])[:, step]
        return survival

    return predict
