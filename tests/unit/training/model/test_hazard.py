"""The additive hazard: an estimator like any other, whose tables are exactly the ensemble that was boosted."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad_vec
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.support.customers import CATEGORICAL, customers
from training.model.bins import Bins
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats


@parametrize_with_checks([AdditiveHazardClassifier(max_iter=50)])  # type: ignore[untyped-decorator]
def test_it_passes_every_check_of_scikit_learn(estimator: AdditiveHazardClassifier, check: object) -> None:
    check(estimator)  # type: ignore[operator]


X, Y = customers()


@pytest.fixture(scope="module")
def fitted() -> AdditiveHazardClassifier:
    return AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL).fit(X, Y)


def test_survival_starts_below_one_never_rises_and_has_the_asked_length(fitted: AdditiveHazardClassifier) -> None:
    survival = fitted.predict_survival_function(X)
    assert survival.shape == (len(X), 40)
    assert (survival[:, 0] < 1).all()
    assert (np.diff(survival, axis=1) < 0).all()
    assert (survival > 0).all()


def test_the_risk_is_the_complement_of_survival_at_the_horizon(fitted: AdditiveHazardClassifier) -> None:
    survival = fitted.predict_survival_function(X)
    assert fitted.predict_proba(X)[:, 1] == pytest.approx(1 - survival[:, 5])


PAIRS = ((0, 1), (2, 1), (3, 0))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
@pytest.mark.parametrize("pairs", [(), PAIRS])
def test_the_tables_are_exactly_the_boosted_trees(
    monkeypatch: pytest.MonkeyPatch, pairs: tuple[tuple[int, int], ...], order: tuple[int, ...]
) -> None:
    """Every customer in every segment: the sum of the tables is the log-odds of the ensemble.

    Wherever the category stands among the features: the trees sort their columns, and constraints must follow.
    """
    x, categorical = X[:, order], (order.index(0),)
    ensembles: list[HistGradientBoostingClassifier] = []
    fit = HistGradientBoostingClassifier.fit

    def remember(self: HistGradientBoostingClassifier, *args: object, **kwargs: object) -> object:
        ensembles.append(self)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remember)
    model = AdditiveHazardClassifier(horizon=6, periods=40, categorical=categorical, pairs=pairs).fit(x, Y)
    bins = [Bins.of(column, 64, categorical=j in categorical) for j, column in enumerate(x.T)]
    seen = np.column_stack([feature.as_input(feature.rows(column)) for feature, column in zip(bins, x.T, strict=True)])
    effects = np.concatenate(list(model.tables_.effects_of(x)))
    for segment in range(model.tables_.grid.segments):
        log_odds = ensembles[0].decision_function(np.column_stack([seen, np.full(len(x), segment)]))
        mine = model.tables_.baseline[segment] + effects[:, :, segment].sum(axis=1)
        assert mine == pytest.approx(log_odds, abs=1e-8)


@pytest.fixture(scope="module")
def paired() -> AdditiveHazardClassifier:
    return AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL, pairs=PAIRS).fit(X, Y)


def test_a_pair_keeps_only_what_neither_feature_does_alone(paired: AdditiveHazardClassifier) -> None:
    """Along either feature, a pair's effects average zero over the customers of the book."""
    tables = paired.tables_
    rows = [feature.rows(column) for feature, column in zip(tables.bins, X.T, strict=True)]
    for first, second, effects in tables.pairs:
        assert np.abs(effects).max() > 0.01
        own = effects[rows[first], rows[second]]
        for feature in (first, second):
            size = np.bincount(rows[feature])
            for segment in range(tables.grid.segments):
                total = np.bincount(rows[feature], weights=own[:, segment])
                assert np.abs(total / np.maximum(size, 1)).max() < 1e-5


def test_points_add_up_with_pairs_too(paired: AdditiveHazardClassifier) -> None:
    points = paired.predict_points(X)
    assert points.sum(axis=1) == pytest.approx(100 * (paired.predict_proba(X)[:, 1] - paired.base_), abs=0.002)
    assert np.abs(points.mean(axis=0)).max() < 1e-9


def test_the_risk_may_only_rise_or_fall_with_a_feature_that_is_said_to() -> None:
    model = AdditiveHazardClassifier(
        horizon=6, periods=40, categorical=CATEGORICAL, pairs=((0, 2),), increasing=(2,), decreasing=(1,)
    ).fit(X, Y)
    x = np.repeat(X[:30], 50, axis=0)
    for feature, sign in ((1, -1), (2, 1)):
        moved = x.copy()
        moved[:, feature] = np.tile(np.linspace(0, 200, 50, dtype=np.float32), 30)
        survival = model.predict_survival_function(moved).reshape(30, 50, 40)
        assert (sign * np.diff(survival, axis=1) <= 1e-12).all()


def test_effects_average_zero_over_the_book(fitted: AdditiveHazardClassifier) -> None:
    effects = np.concatenate(list(fitted.tables_.effects_of(X)))
    assert np.abs(effects.mean(axis=0)).max() < 1e-9


def test_an_unknown_category_and_a_missing_value_never_seen_add_nothing(fitted: AdditiveHazardClassifier) -> None:
    x = X[:50].copy()
    x[:, 0], x[:, 3] = -1, np.nan
    effects = np.concatenate(list(fitted.tables_.effects_of(x)))
    assert not effects[:, [0, 3]].any()
    assert fitted.missing_seen_.tolist() == [False, True, False, False]


def test_points_add_up_and_average_zero_over_the_book(fitted: AdditiveHazardClassifier) -> None:
    points = fitted.predict_points(X)
    assert points.sum(axis=1) == pytest.approx(100 * (fitted.predict_proba(X)[:, 1] - fitted.base_), abs=0.002)
    assert np.abs(points.mean(axis=0)).max() < 1e-9


def test_points_are_the_path_integral_that_they_claim_to_be(fitted: AdditiveHazardClassifier) -> None:
    """Against adaptive quadrature of the risk's slope along each path, feature by feature."""
    tables, attribution = fitted.tables_, fitted.attribution_
    periods = tables.grid.periods_in_horizon
    points = attribution.points(X[:20])
    for place, effects in enumerate(next(iter(tables.effects_of(X[:20])))):

        def slope(s: float, effects: Floats = effects) -> Floats:
            log_odds = tables.baseline + s * effects.sum(axis=0)
            survival = np.exp(-np.logaddexp(0, log_odds) @ periods)
            step: Floats = effects @ (survival * expit(log_odds) * periods)
            return step

        exact = 100 * quad_vec(slope, 0, 1)[0] - attribution.mean
        assert points[place] == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("strength", [1, 4, 8])
def test_points_add_up_however_strong_the_effects(strength: int) -> None:
    rng = np.random.default_rng(strength)
    x = rng.normal(size=(3000, 3)).astype(np.float32)
    log_odds = -1 - strength + strength * x @ [1.0, 0.5, -0.5]
    time = np.minimum(rng.geometric(np.maximum(expit(log_odds), 1e-9)), 24)
    y = np.zeros(len(x), dtype=[("event", bool), ("time", int)])
    y["event"], y["time"] = time < 24, time
    model = AdditiveHazardClassifier(horizon=12, periods=24).fit(x, y)
    gap = model.predict_points(x).sum(axis=1) - 100 * (model.predict_proba(x)[:, 1] - model.base_)
    assert np.abs(gap).max() <= 0.02


def test_delayed_entry_takes_the_bias_out_of_early_churn() -> None:
    """Customers seen only after they have stayed a while look loyal, unless their entry is told."""
    rng = np.random.default_rng(1)
    time = rng.geometric(0.1, 60_000)
    entry = np.where(rng.random(len(time)) < 0.5, rng.integers(0, 20, len(time)), 0)
    seen = entry < time
    y = np.zeros(seen.sum(), dtype=[("event", bool), ("time", int), ("entry", int)])
    y["event"], y["time"], y["entry"] = True, time[seen], entry[seen]
    x = np.zeros((len(y), 1), dtype=np.float32)
    truth = 1 - 0.9**6
    told = AdditiveHazardClassifier(horizon=6).fit(x, y).base_
    untold = AdditiveHazardClassifier(horizon=6).fit(x, y[["event", "time"]]).base_
    assert told == pytest.approx(truth, abs=0.01)
    assert untold < truth - 0.05


def test_hazards_beyond_the_supported_periods_are_those_of_the_last_segment(fitted: AdditiveHazardClassifier) -> None:
    supported = fitted.tables_.grid.supported_periods
    assert supported < 39
    survival = fitted.predict_survival_function(X[:10])
    kept = survival[:, supported:] / survival[:, supported - 1 : -1]
    assert kept == pytest.approx(np.repeat(kept[:, :1], kept.shape[1], axis=1))


def test_the_same_customers_give_the_same_model(fitted: AdditiveHazardClassifier) -> None:
    again = AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL).fit(X, Y)
    assert np.array_equal(again.predict_survival_function(X), fitted.predict_survival_function(X))


@pytest.mark.parametrize(
    ("column", "message"),
    [(np.arange(300), "300 categories"), (np.full(300, 0.5), "whole numbers"), (np.full(300, -2), "whole numbers")],
)
def test_categories_that_are_no_codes_are_refused(column: NDArray[np.generic], message: str) -> None:
    y = np.zeros(300, dtype=[("event", bool), ("time", int)])
    y["event"], y["time"] = True, 1 + np.arange(300) % 7
    with pytest.raises(ValueError, match=message):
        AdditiveHazardClassifier(categorical=(0,)).fit(column[:, None], y)


def test_a_feature_that_is_all_missing_or_constant_has_no_effect() -> None:
    x = np.column_stack([X, np.full(len(X), np.nan), np.full(len(X), 3)]).astype(np.float32)
    model = AdditiveHazardClassifier(categorical=CATEGORICAL).fit(x, Y)
    assert np.abs(model.predict_points(x)[:, 4:]).max() == 0
