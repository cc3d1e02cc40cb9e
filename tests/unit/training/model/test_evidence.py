"""Evidence: the bootstrap's spread is that of whole refitted models, and support is counted as by hand."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
from scipy.stats import norm, t

from models.scorer import Scorer
from tests.support.customers import CATEGORICAL, customers
from training.exporting.onnx_graph import to_onnx
from training.model import hazard
from training.model.bins import Bins
from training.model.evidence import Evidence
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import TimeGrid, survival_target
from training.model.tables import Pair, Tables

X, Y = customers()
HORIZON, REPLICATES = 6, 8
PAIR = (0, 3)
FEW = t.ppf(0.9, REPLICATES - 1) / norm.ppf(0.9)
"""How much wider an 80 % interval is for resting on so few replicates (Student)."""


def estimator(**parameters: object) -> AdditiveHazardClassifier:
    return AdditiveHazardClassifier(horizon=HORIZON, periods=40, categorical=CATEGORICAL, **parameters)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def _fewer_rounds() -> Iterator[None]:
    """The arithmetic is the same after 40 trees as after 400."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hazard, "ROUNDS", 40)
        yield


@pytest.fixture(scope="module")
def model() -> AdditiveHazardClassifier:
    return estimator(pairs=(PAIR,), max_iter=30).fit(X, Y).bootstrap(X, Y, replicates=REPLICATES)


def log_cumulative_hazard(tables: Tables, x: np.ndarray) -> np.ndarray:
    return np.log(-np.log1p(-tables.risk(x)))


def test_the_spread_is_that_of_the_refitted_models_to_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    refitted: list[Tables] = []
    learn = Evidence.with_replicates

    def overheard(self: Evidence, tables: Tables, replicates: list[Tables], shrink: float) -> Evidence:
        refitted.extend(replicates)
        return learn(self, tables, replicates, shrink)

    monkeypatch.setattr(Evidence, "with_replicates", overheard)
    model = estimator(pairs=(PAIR,), max_iter=30).fit(X, Y).bootstrap(X, Y, replicates=REPLICATES)
    whole = FEW * np.std([log_cumulative_hazard(tables, X) for tables in refitted], axis=0, ddof=1)
    spread, _ = model.predict_evidence(X)
    assert len(refitted) == REPLICATES
    assert np.corrcoef(whole, spread)[0, 1] > 0.9
    assert np.median(spread / whole) == pytest.approx(1, abs=0.1)


GRID = TimeGrid(ends=np.array([2, 10]), supported_periods=10, horizon=4, periods=10)
PLAN = Bins(np.array([-0.5, 0.5], dtype=np.float32), categorical=True, learned=np.array([False, False, True, True]))
TARGET = survival_target(
    np.array(
        [(True, 1, 0), (False, 9, 0), (True, 6, 3)], dtype=[("event", bool), ("time", np.int64), ("entry", np.int64)]
    ),
    3,
)
ROWS = np.array([[2, 2], [3, 2], [3, 3]])


def tables(baseline: np.ndarray, *effects: np.ndarray, pair: np.ndarray | None = None) -> Tables:
    """Two features of two categories each; effects per category [2, G]."""
    padded = [np.concatenate([np.zeros((2, 2)), each]) for each in effects]
    pairs = [] if pair is None else [Pair(0, 1, np.pad(pair, ((2, 0), (2, 0), (0, 0))))]
    return Tables([PLAN, PLAN], baseline, padded, pairs, GRID)


@pytest.fixture
def evidence() -> Evidence:
    return Evidence.counted(tables(np.full(2, -2.0), np.zeros((2, 2)), np.zeros((2, 2))), ROWS, TARGET)


CENTRE = tables(np.array([-2.0, -3.0]), np.zeros((2, 2)), np.zeros((2, 2)), pair=np.zeros((2, 2, 2)))
PROSPECTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)


def small_replicates(size: float) -> list[Tables]:
    rng = np.random.default_rng(1)
    return [
        tables(
            CENTRE.baseline + size * rng.normal(size=2),
            *(size * rng.normal(size=(2, 2, 2))),
            pair=size * rng.normal(size=(2, 2, 2)),
        )
        for _ in range(REPLICATES)
    ]


def test_small_deviations_of_baseline_effects_and_pairs_add_up_exactly(evidence: Evidence) -> None:
    replicates = small_replicates(1e-5)
    spread, _ = evidence.with_replicates(CENTRE, replicates, 1.0).of(CENTRE, PROSPECTS)
    whole = np.std([log_cumulative_hazard(each, PROSPECTS) for each in replicates], axis=0, ddof=1)
    assert spread == pytest.approx(FEW * whole, rel=1e-3)


def test_refits_on_fewer_customers_are_scaled_to_the_size_of_the_book(evidence: Evidence) -> None:
    replicates = small_replicates(0.1)
    one, half = (evidence.with_replicates(CENTRE, replicates, shrink).of(CENTRE, PROSPECTS)[0] for shrink in (1, 0.5))
    assert half == pytest.approx(one / 2)


def test_a_category_that_training_has_not_seen_is_as_unsure_as_the_categories_differ(evidence: Evidence) -> None:
    sure = tables(CENTRE.baseline, np.array([[-1.0, -1.0], [1.0, 1.0]]), np.zeros((2, 2)))
    told = evidence.with_replicates(sure, [sure] * REPLICATES, 1.0)
    spread, support = told.of(sure, np.array([[0, 0], [1, 1], [-1, 0], [np.nan, 0]], dtype=np.float32))
    assert spread[:2].tolist() == [0.0, 0.0]
    assert (spread[2:] > 0.5).all()
    assert support[2:].tolist() == [0.0, 0.0]


def test_an_unknown_category_widens_the_interval() -> None:
    rng = np.random.default_rng(2)
    plan = rng.integers(0, 4, 1500).astype(np.float32)
    x = np.column_stack([plan, rng.normal(size=1500)]).astype(np.float32)
    y = np.zeros(1500, dtype=[("event", bool), ("time", np.int64)])
    churn = rng.geometric(np.array([0.01, 0.03, 0.1, 0.3])[plan.astype(int)])
    y["event"], y["time"] = churn <= 12, np.minimum(churn, 12)
    model = estimator(max_iter=30).fit(x, y).bootstrap(x, y, replicates=REPLICATES)
    unknown = np.column_stack([np.full(1500, -1), x[:, 1]]).astype(np.float32)
    assert (model.predict_evidence(unknown)[0] > 2 * model.predict_evidence(x)[0]).mean() > 0.95


def test_support_counts_the_periods_within_the_horizon_of_who_shares_the_rarest_value() -> None:
    x = X[:, [0, 3]]
    _, support = estimator().fit(x, Y).predict_evidence(x)
    periods = np.clip(Y["time"], 0, HORIZON) - np.clip(Y["entry"], 0, HORIZON)
    by_hand = [min(periods[x[:, j] == prospect[j]].sum() for j in range(2)) for prospect in x[:50]]
    assert support[:50].tolist() == by_hand


def test_a_customer_counts_from_its_entry_up_to_the_horizon(evidence: Evidence) -> None:
    assert [each.tolist() for each in evidence.person_periods] == [[0, 0, 1, 5], [0, 0, 5, 1]]


def test_without_replicates_the_spread_is_unknown_and_the_support_known(model: AdditiveHazardClassifier) -> None:
    plain = estimator(pairs=(PAIR,), max_iter=30).fit(X, Y).bootstrap(X, Y, replicates=0)
    spread, support = plain.predict_evidence(X)
    assert np.isnan(spread).all()
    assert support.tolist() == model.predict_evidence(X)[1].tolist()


def test_the_same_seed_learns_the_same_spread_and_leaves_the_model_as_it_was(model: AdditiveHazardClassifier) -> None:
    again = estimator(pairs=(PAIR,), max_iter=30).fit(X, Y)
    risk = again.predict_proba(X)
    other = deepcopy(again).set_params(random_state=1).bootstrap(X, Y, replicates=REPLICATES)
    again.bootstrap(X, Y, replicates=REPLICATES)
    assert again.predict_evidence(X)[0].tolist() == model.predict_evidence(X)[0].tolist()
    assert other.predict_evidence(X)[0].tolist() != model.predict_evidence(X)[0].tolist()
    assert again.predict_proba(X).tolist() == risk.tolist()


def test_half_of_the_customers_tell_about_the_same_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    spreads = []
    for drawn in (len(X), len(X) // 2):
        monkeypatch.setattr(hazard, "DRAWN", drawn)
        spreads.append(estimator(max_iter=30).fit(X, Y).bootstrap(X, Y, replicates=REPLICATES).predict_evidence(X)[0])
    assert np.median(spreads[1] / spreads[0]) == pytest.approx(1, abs=0.25)


def test_a_book_whose_customers_all_came_under_observation_after_the_horizon_knows_that_it_supports_nothing() -> None:
    late = Y.copy()
    late["entry"], late["time"] = HORIZON + 2, Y["time"] + HORIZON + 2
    spread, support = estimator(max_iter=30).fit(X, late).bootstrap(X, late, replicates=5).predict_evidence(X)
    assert np.isfinite(spread).all()
    assert not support.any()


def test_the_graph_answers_with_the_estimators_spread_and_support(model: AdditiveHazardClassifier) -> None:
    rng = np.random.default_rng(3)
    hard = X.copy()
    hard[rng.random(X.shape) < 0.3] = np.nan
    hard[:100, 0] = -1
    scorer = Scorer(to_onnx(model, "book").SerializeToString(), features=4, periods=40)
    for x in (X, hard):
        scored, (spread, support) = scorer(x), model.predict_evidence(x)
        assert scored.spread == pytest.approx(spread, rel=1e-4, abs=1e-5)
        assert scored.support == pytest.approx(support)


def test_progress_is_told_to_the_end() -> None:
    told: list[float] = []
    estimator(max_iter=5).fit(X, Y).bootstrap(X, Y, replicates=5, progress=told.append)
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
