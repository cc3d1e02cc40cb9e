"""Metrics agree with what is known of the data, and those that are not defined say why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.bundle import open_bundle
from tests.support.books import DATES, DATES_HEADER, DATES_ROWS, write_book
from tests.support.bundles import make_bundle
from training.errors import BookError, DataError
from training.evaluation.evaluate import Evaluation, evaluate, evaluate_bundle
from training.evaluation.holdout import HeldOut
from training.reading.lifetimes import Lifetimes, kaplan_meier

PERIODS = 24
N = 3000


def hazard_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return 0.01 + 0.08 * x[:, 0].astype(np.float64)


def truth(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Survival of customers whose hazard is constant and known."""
    curve: NDArray[np.float64] = (1.0 - hazard_of(x))[:, None] ** np.arange(1, PERIODS + 1)
    return curve


def customers(seed: int = 3, *, late: bool = False) -> tuple[NDArray[np.float32], Lifetimes]:
    rng = np.random.default_rng(seed)
    x = rng.random((N, 1), dtype=np.float32)
    leaves = rng.geometric(hazard_of(x))
    censored = rng.integers(0, 40, N)
    entry = rng.integers(0, 4, N) * late
    last = np.maximum(np.minimum(leaves, censored), entry).astype(np.int32)
    event = (leaves <= censored) & (leaves > entry)
    return x, Lifetimes(entry.astype(np.int32), last, event, np.zeros(N, np.bool_))


def judged(
    survival: NDArray[np.float64], lives: Lifetimes, horizon: int = 12, followed: NDArray[np.int64] | None = None
) -> Evaluation:
    """The evaluation of those who were at risk in some period."""
    seen = lives.observed
    held_out = HeldOut(
        rows=np.flatnonzero(seen),
        survival=survival[seen],
        lives=lives.take(seen),
        weight=np.ones(seen.sum()),
        followed=None if followed is None else followed[seen],
        cohort=np.arange(seen.sum()) % 2,
        cohorts=("even", "odd"),
        split="customer",
    )
    return evaluate(held_out, horizon, "simulated")


def test_the_true_model_expects_the_events_that_happen() -> None:
    x, lives = customers()
    found = judged(truth(x), lives).overall
    assert set(found.undefined) == {"administrative_brier"}
    assert found.customers == lives.observed.sum()
    assert found.events == lives.event.sum()
    assert found.observed_events == (lives.event & (lives.exit <= PERIODS)).sum()
    assert found.expected_events == pytest.approx(found.observed_events, rel=0.05)
    assert found.kaplan_meier_churn == pytest.approx(1 - kaplan_meier(lives, 12)[-1], abs=1e-6)
    assert found.kaplan_meier_churn is not None
    assert found.mean_risk == pytest.approx(found.kaplan_meier_churn, abs=0.02)


def test_every_cohort_has_its_row_and_every_figure_its_interval() -> None:
    x, lives = customers()
    found = judged(truth(x), lives)
    assert [cohort.name for cohort in found.cohorts] == ["even", "odd"]
    assert sum(cohort.customers for cohort in found.cohorts) == found.overall.customers
    for row in (found.overall, *found.cohorts):
        for name in ("c_index_ipcw", "auc_at_horizon", "brier_at_horizon", "integrated_brier"):
            figure = getattr(row, name)
            assert figure.low < figure.value < figure.high
    wide, narrow = found.cohorts[0].auc_at_horizon, found.overall.auc_at_horizon
    assert wide is not None
    assert narrow is not None
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(2**0.5, rel=0.3)


def test_intervals_hold_what_other_samples_of_customers_give() -> None:
    aucs = []
    for seed in range(8):
        x, lives = customers(seed)
        found = judged(truth(x), lives).overall.auc_at_horizon
        assert found is not None
        aucs.append(found)
    best = float(np.mean([auc.value for auc in aucs]))
    assert sum(auc.low <= best <= auc.high for auc in aucs) >= 6
    assert np.std([auc.value for auc in aucs]) == pytest.approx((aucs[0].high - aucs[0].low) / 3.92, rel=0.5)


def test_the_true_model_ranks_above_chance_and_its_reverse_below() -> None:
    x, lives = customers()
    right, wrong = judged(truth(x), lives).overall, judged(truth(1 - x), lives).overall
    assert right.c_index_ipcw is not None
    assert wrong.c_index_ipcw is not None
    assert right.c_index_ipcw.value > 0.6
    assert right.c_index_ipcw.value + wrong.c_index_ipcw.value == pytest.approx(1, abs=1e-5)
    assert right.integrated_brier is not None
    assert wrong.integrated_brier is not None
    assert right.integrated_brier.high < wrong.integrated_brier.low


def test_late_entry_leaves_the_metrics_where_they_are_without() -> None:
    (x, lives), (others, late) = customers(), customers(late=True)
    full, found = judged(truth(x), lives).overall, judged(truth(others), late).overall
    assert set(found.undefined) == {"administrative_brier"}
    for name in ("c_index_ipcw", "auc_at_horizon", "brier_at_horizon", "integrated_brier"):
        assert getattr(found, name).value == pytest.approx(getattr(full, name).value, abs=0.03)
    assert found.expected_events == pytest.approx(found.observed_events, rel=0.05)


def test_late_entry_that_leaves_the_first_period_to_few_leaves_metrics_undefined() -> None:
    x, lives = customers(late=True)
    later = lives.take(lives.entry > 0)
    found = judged(truth(x)[lives.entry > 0], later).overall
    assert found.undefined["c_index_ipcw"] == "fewer than 50 customers were at risk in the first period"
    assert found.auc_at_horizon is None


def test_a_yes_no_book_has_a_plain_auc_and_nothing_to_integrate() -> None:
    x, _ = customers()
    churned = np.random.default_rng(1).random(N) < hazard_of(x) * 5
    lives = Lifetimes(np.zeros(N, np.int32), np.ones(N, np.int32), churned, np.zeros(N, np.bool_))
    found = judged(truth(x)[:, :1], lives, 1).overall
    assert found.auc_at_horizon is not None
    assert found.auc_at_horizon.value == pytest.approx(roc_auc_score(churned, x[:, 0]), abs=1e-6)
    assert found.brier_at_horizon is not None
    assert found.brier_at_horizon.value == pytest.approx(np.mean((~churned - truth(x)[:, 0]) ** 2), abs=1e-6)
    assert found.undefined["integrated_brier"] == "there is one period to look at; see brier_at_horizon"


def test_a_horizon_beyond_the_data_leaves_its_metrics_undefined() -> None:
    x, lives = customers()
    short = Lifetimes(
        lives.entry, np.minimum(lives.exit, 5).astype(np.int32), lives.event & (lives.exit <= 5), lives.other_exit
    )
    found = judged(truth(x), short)
    assert found.overall.auc_at_horizon is None
    assert found.overall.undefined["auc_at_horizon"] == "too few customers were at risk after period 5"
    assert found.overall.undefined["kaplan_meier_churn"] == "nobody was at risk up to period 12"
    assert found.overall.c_index_ipcw is not None
    assert found.deciles_hold == 0


def test_the_administrative_score_needs_dates_and_no_other_exits() -> None:
    x, lives = customers()
    followed = np.full(N, 40)
    assert judged(truth(x), lives, followed=followed).overall.administrative_brier is not None
    others = Lifetimes(lives.entry, lives.exit, lives.event, ~lives.event)
    found = judged(truth(x), others, followed=followed).overall
    assert found.undefined["administrative_brier"].startswith("some customers left for another reason")


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 400),
    first=st.integers(1, 30),
    spread=st.integers(0, 40),
    share=st.floats(0, 1),
    horizon=st.integers(1, PERIODS),
    late=st.integers(0, 5),
)
def test_every_metric_of_any_lifetimes_is_finite_or_has_a_reason(
    seed: int, n: int, first: int, spread: int, share: float, horizon: int, late: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.random((n, 1), dtype=np.float32)
    entry = rng.integers(0, late + 1, n).astype(np.int32)
    last = entry + rng.integers(first, first + spread + 1, n).astype(np.int32)
    lives = Lifetimes(entry, last, rng.random(n) < share, np.zeros(n, np.bool_))
    found = judged(truth(x), lives, horizon)
    for row in (found.overall, *found.cohorts):
        for name in ("c_index_ipcw", "auc_at_horizon", "brier_at_horizon", "integrated_brier"):
            figure = getattr(row, name)
            assert (figure is None) == (name in row.undefined)
            assert figure is None or (np.isfinite([figure.low, figure.high]).all() and 0 <= figure.value <= 1 + 1e-9)


def test_a_book_observed_until_a_day_to_come_is_not_evaluated(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "registry"))
    book = write_book(tmp_path, DATES, DATES_HEADER, *DATES_ROWS)
    with pytest.raises(BookError, match=r"lifetime\.observed_until: expected a day that has come, got 2026-03-31"):
        evaluate_bundle(bundle, book, datetime(2026, 3, 1, tzinfo=UTC))


def test_a_feature_that_the_data_lack_is_asked_for_by_the_bundle(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "registry"))
    book = write_book(tmp_path, DATES, DATES_HEADER, *DATES_ROWS)
    with pytest.raises(DataError, match=re.escape(f"has no column 'contract', which {bundle.folder} names")):
        evaluate_bundle(bundle, book, datetime(2026, 11, 21, tzinfo=UTC))
