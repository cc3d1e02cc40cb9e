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
from training import evaluate as evaluating
from training.errors import BookError, DataError
from training.evaluate import evaluate, evaluate_bundle
from training.lifetimes import Lifetimes, kaplan_meier

PERIODS = 24
N = 3000


def hazard_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return 0.01 + 0.08 * x[:, 0].astype(np.float64)


def truth(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Survival of customers whose hazard is constant and known."""
    curve: NDArray[np.float64] = (1.0 - hazard_of(x))[:, None] ** np.arange(1, PERIODS + 1)
    return curve


def customers(*, late: bool = False) -> tuple[NDArray[np.float32], Lifetimes]:
    rng = np.random.default_rng(3)
    x = rng.random((N, 1), dtype=np.float32)
    leaves = rng.geometric(hazard_of(x))
    censored = rng.integers(0, 40, N)
    entry = rng.integers(0, 4, N) * late
    last = np.maximum(np.minimum(leaves, censored), entry).astype(np.int32)
    event = (leaves <= censored) & (leaves > entry)
    return x, Lifetimes(entry.astype(np.int32), last, event, np.zeros(N, np.bool_))


def test_the_true_model_expects_the_events_that_happen() -> None:
    x, lives = customers()
    found = evaluate(truth, x, lives, 12, "simulated")
    assert found.undefined == {}
    assert found.customers == lives.observed.sum()
    assert found.events == lives.event.sum()
    assert found.observed_events == (lives.event & (lives.exit <= PERIODS)).sum()
    assert found.expected_events == pytest.approx(found.observed_events, rel=0.05)
    assert found.kaplan_meier_churn == pytest.approx(1 - kaplan_meier(lives, 12)[-1], abs=1e-6)
    assert found.kaplan_meier_churn is not None
    assert found.mean_risk == pytest.approx(found.kaplan_meier_churn, abs=0.02)


def test_the_true_model_ranks_above_chance_and_its_reverse_below() -> None:
    x, lives = customers()
    right = evaluate(truth, x, lives, 12, "simulated")
    wrong = evaluate(lambda rows: truth(1 - rows), x, lives, 12, "simulated")
    assert right.c_index_ipcw is not None
    assert wrong.c_index_ipcw is not None
    assert right.c_index_ipcw > 0.6
    assert right.c_index_ipcw + wrong.c_index_ipcw == pytest.approx(1, abs=1e-5)
    assert (right.auc_at_horizon or 0) > 0.65 > (wrong.auc_at_horizon or 1)
    assert (right.integrated_brier or 1) < (wrong.integrated_brier or 0)


def test_customers_at_risk_in_no_period_do_not_count() -> None:
    x, lives = customers()
    seen = lives.observed
    assert not seen.all()
    kept = Lifetimes(lives.entry[seen], lives.exit[seen], lives.event[seen], lives.other_exit[seen])
    assert evaluate(truth, x, lives, 12, "") == evaluate(truth, x[seen], kept, 12, "")


def test_late_entry_leaves_the_weighted_metrics_undefined() -> None:
    x, lives = customers(late=True)
    found = evaluate(truth, x, lives, 12, "simulated")
    assert (found.c_index_ipcw, found.auc_at_horizon, found.integrated_brier) == (None, None, None)
    assert set(found.undefined) == {"c_index_ipcw", "auc_at_horizon", "integrated_brier"}
    assert found.expected_events == pytest.approx(found.observed_events, rel=0.05)


def test_a_yes_no_book_has_a_plain_auc_and_nothing_to_integrate() -> None:
    x, _ = customers()
    churned = np.random.default_rng(1).random(N) < hazard_of(x) * 5
    lives = Lifetimes(np.zeros(N, np.int32), np.ones(N, np.int32), churned, np.zeros(N, np.bool_))
    found = evaluate(lambda rows: truth(rows)[:, :1], x, lives, 1, "simulated")
    assert found.auc_at_horizon == pytest.approx(roc_auc_score(churned, x[:, 0]), abs=1e-6)
    assert (found.c_index_ipcw, found.integrated_brier) == (None, None)
    assert set(found.undefined) == {"c_index_ipcw", "integrated_brier"}


def test_a_horizon_beyond_the_data_leaves_its_metrics_undefined() -> None:
    x, lives = customers()
    short = Lifetimes(
        lives.entry, np.minimum(lives.exit, 5).astype(np.int32), lives.event & (lives.exit <= 5), lives.other_exit
    )
    found = evaluate(truth, x, short, 12, "simulated")
    assert found.auc_at_horizon is None
    assert found.undefined["auc_at_horizon"] == "too few customers were at risk after period 4"
    assert found.undefined["kaplan_meier_churn"] == "nobody was at risk up to period 12"
    assert found.c_index_ipcw is not None


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 400),
    first=st.integers(1, 30),
    spread=st.integers(0, 40),
    share=st.floats(0, 1),
    horizon=st.integers(1, PERIODS),
)
def test_every_metric_of_any_lifetimes_is_finite_or_has_a_reason(
    seed: int, n: int, first: int, spread: int, share: float, horizon: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.random((n, 1), dtype=np.float32)
    last = rng.integers(first, first + spread + 1, n).astype(np.int32)
    lives = Lifetimes(np.zeros(n, np.int32), last, rng.random(n) < share, np.zeros(n, np.bool_))
    found = evaluate(truth, x, lives, horizon, "random")
    for name in ("c_index_ipcw", "auc_at_horizon", "integrated_brier", "kaplan_meier_churn"):
        figure = getattr(found, name)
        assert (figure is None) == (name in found.undefined)
        assert figure is None or 0 <= figure <= 1 + 1e-9


def test_metrics_are_finite_where_nobody_is_lost_in_the_first_period() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((500, 1), dtype=np.float32)
    last = rng.integers(3, 41, 500).astype(np.int32)
    lives = Lifetimes(np.zeros(500, np.int32), last, rng.random(500) < 0.4, np.zeros(500, np.bool_))
    found = evaluate(truth, x, lives, 12, "tenure 3 to 40")
    assert found.undefined == {}
    early = evaluate(truth, x, lives, 2, "tenure 3 to 40")
    assert early.undefined == {"auc_at_horizon": "nobody churned up to period 2"}


def test_a_sample_that_misses_the_longest_lifetimes_is_cut_at_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    x, lives = customers()
    longest = np.where(lives.exit > 30, 90, lives.exit).astype(np.int32)
    monkeypatch.setattr(evaluating, "RANKED", 60)
    found = evaluate(truth, x, Lifetimes(lives.entry, longest, lives.event, lives.other_exit), 3, "simulated")
    assert found.ranked == 60
    assert found.tau < 12
    assert found.c_index_ipcw is not None


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
