"""Calibration holds for the truth, and does not for what is not true."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from training.evaluation.calibration import GROUPS, OTHERS, deciles, gains, groups
from training.evaluation.metrics import Weighed, resamples
from training.reading.lifetimes import Floats, Lifetimes

N, HORIZON = 20_000, 6


def people(seed: int) -> tuple[Floats, Lifetimes]:
    """Risks within the horizon, of customers with a constant hazard."""
    rng = np.random.default_rng(seed)
    hazard = 0.002 + 0.1 * rng.random(N) ** 2
    leaves, censored = rng.geometric(hazard), rng.integers(1, 20, N)
    none = np.zeros(N, np.bool_)
    lives = Lifetimes(none.astype(np.int32), np.minimum(leaves, censored).astype(np.int32), leaves <= censored, none)
    return 1 - (1 - hazard) ** HORIZON, lives


def test_deciles_of_the_truth_hold_and_of_twice_the_truth_do_not() -> None:
    risk, lives = people(0)
    assert sum(decile.holds is True for decile in deciles(risk, lives, np.ones(N), HORIZON)) >= 9
    assert not any(decile.holds for decile in deciles(np.minimum(2 * risk, 1), lives, np.ones(N), HORIZON))


def test_the_truth_holds_in_95_of_100_deciles() -> None:
    held = [decile.holds is True for seed in range(12) for decile in deciles(*people(seed), np.ones(N), HORIZON)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.06)


def test_deciles_run_from_the_riskiest_and_hold_everybody() -> None:
    risk, lives = people(0)
    found = deciles(risk, lives, np.ones(N), HORIZON)
    assert [decile.number for decile in found] == list(range(1, 11))
    assert sorted((decile.mean_risk for decile in found), reverse=True) == [decile.mean_risk for decile in found]
    assert sum(decile.customers for decile in found) == N


def test_deciles_that_nobody_outlives_are_not_judged() -> None:
    risk, lives = people(0)
    short = Lifetimes(lives.entry, np.minimum(lives.exit, 2).astype(np.int32), lives.event & False, lives.other_exit)
    assert all(decile.holds is None and decile.kaplan_meier is None for decile in deciles(risk, short, np.ones(N), 6))


def test_doubled_weights_widen_nothing() -> None:
    risk, lives = people(0)
    assert deciles(risk, lives, np.ones(N), HORIZON) == deciles(risk, lives, np.full(N, 2.0), HORIZON)


def test_gains_rise_to_all_churn_and_lift_falls_to_one() -> None:
    risk, lives = people(0)
    found = gains(risk, Weighed.over(lives, np.ones((N, 1)), HORIZON), HORIZON)
    caught = [gain.churn_share for gain in found]
    assert len(found) == 100
    assert caught == sorted(caught)
    assert (caught[-1], found[-1].lift) == (1.0, 1.0)
    assert found[9].lift == pytest.approx(caught[9] / 0.1, abs=1e-3)
    assert found[9].lift > 2


def test_groups_of_the_truth_have_as_many_events_as_expected_and_rare_values_are_pooled() -> None:
    rng = np.random.default_rng(0)
    expected = rng.random(N) * 0.2
    happened = (rng.random(N) < expected).astype(float)
    column = pl.Series("city", np.minimum(rng.geometric(0.15, N), 40).astype(str)).set(
        pl.Series(np.arange(N) < 900), None
    )
    found = groups(expected, happened, resamples(np.ones(N), 100), [column])
    assert len(found) == GROUPS
    assert found[-1].value == OTHERS
    assert "(missing)" in [group.value for group in found]
    assert sum(group.customers for group in found) == N
    covered = [group.low <= 1 <= group.high for group in found if group.low is not None and group.high is not None]
    assert sum(covered) >= GROUPS - 2


def test_a_group_where_nobody_churned_has_no_ratio() -> None:
    column = pl.Series("plan", ["a", "a", "b", "b"])
    found = groups(np.full(4, 0.5), np.array([1.0, 0, 0, 0]), resamples(np.ones(4), 20), [column])
    assert [(group.value, group.ratio) for group in found] == [("a", 1.0), ("b", None)]
