"""The calibration line: hazards are moved onto it, with the error of it, exactly or to first order."""

from copy import copy

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.support.customers import CATEGORICAL, customers
from training.evaluation.calibration_line import Line, fit_line, moved
from training.model.evidence import Evidence
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import TimeGrid, survival_target
from training.model.tables import softplus

X, Y = customers(1500)
TARGET = survival_target(Y, len(X))
WEIGHT = np.random.default_rng(0).integers(1, 4, len(X)).astype(np.float64)
COVARIANCE = np.array([[0.010, 0.002], [0.002, 0.003]])


@pytest.fixture(scope="module")
def fitted() -> AdditiveHazardClassifier:
    return AdditiveHazardClassifier(6, 40, CATEGORICAL, pairs=((0, 1),), max_iter=20).fit(X, Y, WEIGHT)


def line(intercept: float, slope: float, covariance: np.ndarray = COVARIANCE) -> Line:
    return Line(intercept, slope, covariance, p_value=0.0, expected_before=1.0, expected_after=1.0, observed=1.0)


def log_cumulative_hazard(model: AdditiveHazardClassifier, x: np.ndarray, a: float = 0.0, b: float = 1.0) -> np.ndarray:
    tables = model.tables_
    log_odds = a + b * (np.concatenate([each.sum(axis=1) for each in tables.effects_of(x)]) + tables.baseline)
    return np.log(softplus(log_odds) @ tables.grid.periods_in_horizon)


def test_the_line_is_that_of_every_person_period_told_one_by_one() -> None:
    rng = np.random.default_rng(1)
    grid = TimeGrid.over(TARGET, horizon=6, periods=40, max_segments=4, tail=50)
    log_odds = rng.normal(-3, 1, (len(X), grid.segments))
    found = fit_line(log_odds, TARGET, grid, WEIGHT)
    rows = [
        (
            log_odds[i, min(int(np.searchsorted(grid.ends, t)), grid.segments - 1)],
            TARGET.event[i] and t == last,
            WEIGHT[i],
        )
        for i, last in enumerate(TARGET.exit)
        for t in range(TARGET.entry[i] + 1, last + 1)
    ]
    z, y, w = np.array(rows, dtype=np.float64).T

    def deviance(ab: np.ndarray) -> float:
        return float(2 * w @ (softplus(ab[0] + ab[1] * z) - y * (ab[0] + ab[1] * z)))

    best = minimize(deviance, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    assert (found.intercept, found.slope) == pytest.approx(best.x, abs=1e-5)
    assert found.expected_after == pytest.approx(found.observed, rel=1e-6)
    assert found.observed == pytest.approx(w @ y)
    step = 1e-3
    for k in range(2):
        d = step * np.eye(2)[k]
        curvature = (deviance(best.x + d) + deviance(best.x - d) - 2 * deviance(best.x)) / (2 * step**2)
        assert curvature == pytest.approx(np.linalg.inv(found.covariance)[k, k], rel=1e-3)
    assert found.p_value == pytest.approx(np.exp(-(deviance(np.array([0.0, 1.0])) - best.fun) / 2), rel=1e-3)


def test_a_sound_model_is_told_to_need_no_line_as_often_as_the_test_promises() -> None:
    rng = np.random.default_rng(2)
    grid = TimeGrid(np.array([40]), 40, 6, 40)
    needed, off = [], []
    for _ in range(200):
        log_odds = rng.normal(-3, 1, (400, 1))
        time, seen = rng.geometric(1 / (1 + np.exp(-log_odds[:, 0]))), rng.integers(1, 40, 400)
        y = np.zeros(400, dtype=[("event", bool), ("time", np.int64)])
        y["event"], y["time"] = time <= seen, np.minimum(time, seen)
        found = fit_line(log_odds, survival_target(y, 400), grid, np.ones(400))
        needed.append(found.p_value < 0.05)
        off.append(((found.slope - 1) / np.sqrt(found.covariance[1, 1]), found.intercept))
    assert 4 <= sum(needed) <= 20  # 10 expected, standard deviation 3.1
    assert np.std([each for each, _ in off]) == pytest.approx(1, abs=0.15)


def test_points_still_add_up_when_the_line_is_steep(fitted: AdditiveHazardClassifier) -> None:
    for slope in (0.4, 1.0, 2.5):
        new = moved(fitted, line(0.3, slope), X, WEIGHT)
        points, risk = new.predict_points(X), new.predict_proba(X)[:, 1]
        assert new.base_ == pytest.approx(np.average(risk, weights=WEIGHT))
        assert np.abs(points.sum(axis=1) - 100 * (risk - new.base_)).max() < 0.05
        assert np.average(points, axis=0, weights=WEIGHT) == pytest.approx(0, abs=1e-6)


def test_the_line_nought_and_one_moves_nothing(fitted: AdditiveHazardClassifier) -> None:
    same = moved(fitted, line(0.0, 1.0), X, WEIGHT)
    assert np.array_equal(same.predict_survival_function(X), fitted.predict_survival_function(X))
    assert same.predict_points(X) == pytest.approx(fitted.predict_points(X), abs=1e-9)


def test_the_spread_holds_the_error_of_the_line_to_first_order(fitted: AdditiveHazardClassifier) -> None:
    sure = with_deviations(fitted, 0.0)
    spread, _ = moved(sure, line(0.5, 0.8), X, WEIGHT).predict_evidence(X)
    step, chol = 1e-4, np.linalg.cholesky(COVARIANCE)
    slopes = [
        (
            log_cumulative_hazard(fitted, X, 0.5 + step * da, 0.8 + step * db)
            - log_cumulative_hazard(fitted, X, 0.5, 0.8)
        )
        / step
        for da, db in chol.T
    ]
    exact = np.sqrt(np.square(slopes).sum(axis=0))
    assert np.median(spread / exact) == pytest.approx(1, abs=0.05)
    assert np.percentile(np.abs(spread / exact - 1), 95) < 0.15


def test_the_spread_holds_the_models_own_error_as_far_as_the_line_lets_it_through(
    fitted: AdditiveHazardClassifier,
) -> None:
    off = 0.01
    unsure = with_deviations(fitted, off)
    spread, _ = moved(unsure, line(0.5, 0.8, 1e-18 * np.eye(2)), X, WEIGHT).predict_evidence(X)
    exact = log_cumulative_hazard(fitted, X, 0.5 + 0.8 * off, 0.8) - log_cumulative_hazard(fitted, X, 0.5, 0.8)
    assert np.median(spread / exact) == pytest.approx(1, abs=0.05)


def test_without_replicates_there_is_no_spread_to_move(fitted: AdditiveHazardClassifier) -> None:
    spread, support = moved(fitted, line(0.5, 0.8), X, WEIGHT).predict_evidence(X)
    assert np.isnan(spread).all()
    assert np.array_equal(support, fitted.predict_evidence(X)[1])


def with_deviations(fitted: AdditiveHazardClassifier, off: float) -> AdditiveHazardClassifier:
    """The same model, its log-odds known to be off by `off` for all customers alike."""
    counts, _, _, _ = fitted.evidence_
    pairs = [np.zeros((*pair.effects.shape[:2], 1)) for pair in fitted.tables_.pairs]
    model = copy(fitted)
    model.evidence_ = Evidence(
        counts, [np.zeros((len(each), 1)) for each in counts], pairs, np.array([off * slope_of(fitted)])
    )
    return model


def slope_of(fitted: AdditiveHazardClassifier, step: float = 1e-5) -> float:
    """D log H / d baseline at the centre of the book."""
    n, b = fitted.tables_.grid.periods_in_horizon, fitted.tables_.baseline
    return float((np.log(softplus(b + step) @ n) - np.log(softplus(b) @ n)) / step)
