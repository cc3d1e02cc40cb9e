"""Metrics agree with scikit-survival where it has them, and with the truth where it has not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sksurv.metrics import brier_score, concordance_index_ipcw, cumulative_dynamic_auc, integrated_brier_score
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

from training.evaluation.metrics import (
    Weighed,
    administrative_brier,
    auc,
    brier,
    c_index,
    expected_events,
    integrated_brier,
    resamples,
)
from training.reading.lifetimes import Floats, Lifetimes

PERIODS = 24


def curves(hazard: Floats) -> Floats:
    survival: Floats = (1.0 - hazard[:, None]) ** np.arange(1, PERIODS + 1)
    return survival


def people(n: int, seed: int, *, late: bool = False) -> tuple[Floats, Lifetimes]:
    """Hazards, constant in time and of few values, so that there are ties; and what came of them."""
    rng = np.random.default_rng(seed)
    hazard: Floats = 0.01 + 0.01 * rng.integers(0, 9, n).astype(np.float64)
    leaves, censored = rng.geometric(hazard), rng.integers(1, 40, n)
    entry = rng.integers(0, 6, n) * late
    last = np.minimum(leaves, censored)
    seen = last > entry
    lives = Lifetimes(entry.astype(np.int32), last.astype(np.int32), leaves <= censored, np.zeros(n, np.bool_))
    return hazard[seen], lives.take(seen)


def once(lives: Lifetimes) -> Weighed:
    return Weighed.over(lives, np.ones((len(lives), 1)), 40)


def as_survival(lives: Lifetimes) -> NDArray[np.void]:
    """Who is censored in a period has survived it: half a period later."""
    target: NDArray[np.void] = Surv.from_arrays(lives.event, lives.exit + 0.5 * ~lives.event)
    return target


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 300), tau=st.integers(3, 20), horizon=st.integers(2, 15))
def test_without_late_entry_metrics_are_those_of_scikit_survival(seed: int, n: int, tau: int, horizon: int) -> None:
    hazard, lives = people(n, seed)
    assume(lives.exit.max() > 20 and (lives.event & (lives.exit <= min(tau, horizon))).any())
    y, survival = as_survival(lives), curves(hazard)
    assume((~lives.event & (lives.exit >= 20)).any())
    risk = 1.0 - survival[:, horizon - 1]
    times = np.arange(1, tau + 1)
    assert c_index(risk, once(lives), tau) == pytest.approx(concordance_index_ipcw(y, y, risk, tau=tau + 0.25)[0])
    assert auc(risk, once(lives), horizon) == pytest.approx(cumulative_dynamic_auc(y, y, risk, [horizon])[0])
    within = times[times >= y["time"].min()]
    for period in within:
        found = brier(survival[:, period - 1], once(lives), period)
        assert found == pytest.approx(brier_score(y, y, survival[:, [period - 1]], [period])[1])
    if len(within) > 1:
        expected = integrated_brier_score(y, y, survival[:, within - 1], within)
        assert integrated_brier(survival, once(lives), within) == pytest.approx(expected)


def test_survival_is_kaplan_meiers_with_late_entry_too() -> None:
    _, lives = people(2000, 1, late=True)
    times, survival = kaplan_meier_estimator(lives.event, lives.exit, lives.entry)
    found = once(lives).survival[times.astype(int), 0]
    assert found == pytest.approx(survival)


def test_late_entry_and_censoring_leave_metrics_where_all_lifetimes_would_have_them() -> None:
    rng = np.random.default_rng(5)
    n = 15_000
    hazard = 0.01 + 0.08 * rng.random(n)
    leaves = rng.geometric(hazard)
    none = np.zeros(n, np.bool_)
    whole = Lifetimes(np.zeros(n, np.int32), leaves.astype(np.int32), ~none, none)
    entry, censored = rng.integers(0, 10, n), rng.integers(1, 50, n)
    partly = Lifetimes(entry.astype(np.int32), np.minimum(leaves, censored).astype(np.int32), leaves <= censored, none)
    seen = partly.observed
    risk, survival = hazard, curves(hazard)
    full, part = once(whole), once(partly.take(seen))
    assert seen.mean() < 0.8
    assert c_index(risk[seen], part, 20) == pytest.approx(c_index(risk, full, 20), abs=0.015)
    assert auc(risk[seen], part, 12) == pytest.approx(auc(risk, full, 12), abs=0.015)
    assert brier(survival[seen, 11], part, 12) == pytest.approx(brier(survival[:, 11], full, 12), abs=0.006)
    naive = np.mean(partly.event[seen] & (partly.exit[seen] <= 12))
    assert 1 - part.survival[12] == pytest.approx(1 - full.survival[12], abs=0.02)
    assert abs(naive - (1 - full.survival[12, 0])) > 0.1


def test_a_weight_of_two_is_the_customer_twice() -> None:
    hazard, lives = people(300, 2, late=True)
    weight = np.random.default_rng(0).integers(1, 3, len(lives))
    rows = np.repeat(np.arange(len(lives)), weight)
    weighed, repeated = Weighed.over(lives, weight[:, None].astype(float), 40), once(lives.take(rows))
    survival = curves(hazard)
    assert c_index(hazard, weighed, 20) == pytest.approx(c_index(hazard[rows], repeated, 20))
    assert auc(hazard, weighed, 12) == pytest.approx(auc(hazard[rows], repeated, 12))
    assert brier(survival[:, 11], weighed, 12) == pytest.approx(brier(survival[rows, 11], repeated, 12))


def test_resamples_keep_the_customers_first_and_draw_as_many() -> None:
    weight = np.array([1.0, 2.0, 1.0, 1.0])
    drawn = resamples(weight, 50)
    assert drawn.shape == (4, 51)
    assert (drawn[:, 0] == weight).all()
    assert ((drawn / weight[:, None])[:, 1:].sum(axis=0) == 4).all()


def test_the_administrative_score_is_the_plain_one_of_those_who_could_be_followed() -> None:
    rng = np.random.default_rng(3)
    hazard, followed = 0.01 + 0.05 * rng.random(3000), rng.integers(1, 40, 3000)
    leaves, none = rng.geometric(hazard), np.zeros(3000, np.bool_)
    last = np.minimum(leaves, followed).astype(np.int32)
    lives = Lifetimes(np.zeros(3000, np.int32), last, leaves <= followed, none)
    survival, long = curves(hazard)[:, 11], followed >= 12
    plain = np.mean(((leaves > 12) - survival)[long] ** 2)
    assert administrative_brier(survival, once(lives), followed, 12) == pytest.approx(plain)
    assert brier(survival, once(lives), 12) == pytest.approx(plain, abs=0.01)


def test_the_true_hazards_expect_the_events_that_happen() -> None:
    hazard, lives = people(30_000, 4, late=True)
    expected = expected_events(curves(hazard), lives)
    happened = lives.event & (lives.exit <= PERIODS)
    assert expected.sum() == pytest.approx(happened.sum(), rel=0.03)
    assert expected[0] == pytest.approx(hazard[0] * (min(lives.exit[0], PERIODS) - lives.entry[0]))
