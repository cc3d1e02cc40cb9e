"""What happened to customers who are censored, against plain counting, another library and explicit weights."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sksurv.nonparametric import kaplan_meier_estimator

from training.audit.fairness_survival import churned_within, false_alarms
from training.reading.lifetimes import Lifetimes, kaplan_meier

HORIZON = 12
Drawn = tuple[Lifetimes, NDArray[np.bool_]]


def lives(entry: NDArray[np.integer], last: NDArray[np.integer], event: NDArray[np.bool_]) -> Lifetimes:
    return Lifetimes(entry.astype(np.int32), last.astype(np.int32), event, np.zeros(len(event), dtype=np.bool_))


def drawn(n: int, seed: int, rate: float = 0.2, *, censored: bool = True, late: bool = False) -> Drawn:
    """Customers of whom `rate` of the stayers are warned, and who are censored the sooner when warned."""
    rng = np.random.default_rng(seed)
    leaves = rng.geometric(0.03, n)
    warned = rng.random(n) < np.where(leaves > HORIZON, rate, 0.5)
    entry = np.where(rng.random(n) < 0.5, rng.integers(0, 18, n), 0) if late else np.zeros(n, dtype=np.int64)
    follow = np.where(warned, rng.integers(1, 25, n), rng.integers(6, 60, n)) if censored else np.full(n, 60)
    follow = follow + entry
    kept = leaves > entry
    return lives(entry, np.minimum(leaves, follow), leaves <= follow).take(kept), warned[kept]


def ones(of: Lifetimes) -> NDArray[np.float64]:
    return np.ones(len(of))


def test_nobody_censored_the_false_alarm_rate_is_a_plain_share_of_the_stayers() -> None:
    people, warned = drawn(800, 0, censored=False)
    stays = people.exit > HORIZON
    rate = false_alarms(people, ones(people), warned, HORIZON)
    assert rate is not None
    assert rate == pytest.approx((warned[stays].mean(), stays.sum()))


def test_the_false_alarm_rate_is_that_of_inverse_probability_of_censoring_weights() -> None:
    people, warned = drawn(800, 1)
    stayed = (people.exit > HORIZON) | ((people.exit == HORIZON) & ~people.event)
    weights = np.zeros(len(people))
    for kind in (warned, ~warned):
        uncensored = 1.0
        for period in range(1, HORIZON):
            at_risk = kind & (people.exit >= period) & ~(people.event & (people.exit == period))
            uncensored *= 1.0 - (at_risk & (people.exit == period)).sum() / at_risk.sum()
        weights[kind & stayed] = 1.0 / uncensored
    rate = false_alarms(people, ones(people), warned, HORIZON)
    assert rate is not None
    assert rate.share == pytest.approx(weights[warned].sum() / weights.sum())


@pytest.mark.parametrize("late", [False, True])
def test_censoring_and_late_entry_do_not_bend_the_false_alarm_rate(*, late: bool) -> None:
    people, warned = drawn(60_000, 2, late=late)
    rate = false_alarms(people, ones(people), warned, HORIZON)
    known = warned[(people.exit >= HORIZON) & ~(people.event & (people.exit == HORIZON))].mean()
    assert rate is not None
    assert abs(rate.share - 0.2) < 0.01 < abs(known - 0.2)


def test_a_rate_is_worth_as_many_trials_as_its_spread_over_samples_says() -> None:
    rates = [
        false_alarms(people, ones(people), warned, HORIZON) for people, warned in (drawn(400, s) for s in range(300))
    ]
    shares = np.array([rate.share for rate in rates if rate])
    said = np.mean([np.sqrt(rate.share * (1 - rate.share) / rate.trials) for rate in rates if rate])
    assert len(shares) == 300
    assert said == pytest.approx(shares.std(), rel=0.1)


def test_a_rate_that_cannot_be_told_is_none_and_one_of_nobody_warned_is_zero() -> None:
    people, warned = drawn(100, 3)
    nobody = np.zeros(len(people), dtype=np.bool_)
    rate = false_alarms(people, ones(people), nobody, HORIZON)
    assert rate is not None
    assert rate.share == 0.0
    short = lives(people.entry, np.minimum(people.exit, 5), people.event & (people.exit <= 5))
    assert false_alarms(short, ones(short), warned, HORIZON) is None
    gone = lives(people.entry, np.ones_like(people.exit), np.ones(len(people), dtype=np.bool_))
    assert false_alarms(gone, ones(gone), warned, HORIZON) is None


def test_a_lone_early_churner_does_not_hide_the_stayers_who_came_late() -> None:
    entry = np.array([0, *[4] * 20])
    last = np.array([2, *[20] * 20])
    early = lives(entry, last, last == 2)
    assert false_alarms(early, ones(early), np.ones(21, dtype=np.bool_), HORIZON) is None


def test_churn_and_its_spread_are_those_of_scikit_survival() -> None:
    people, _ = drawn(500, 4)
    times, stays, bounds = kaplan_meier_estimator(people.event, people.exit, conf_type="log-log")
    at = np.searchsorted(times, HORIZON, side="right") - 1
    greenwood = (np.log(np.log(bounds[0, at]) / np.log(stays[at])) / norm.ppf(0.975) * np.log(stays[at])) ** 2
    rate = churned_within(people, ones(people), HORIZON)
    assert rate is not None
    assert rate.share == pytest.approx(1.0 - stays[at])
    assert rate.share * (1.0 - rate.share) / rate.trials == pytest.approx(stays[at] ** 2 * greenwood)


def test_churn_with_late_entry_is_kaplan_and_meiers() -> None:
    people, _ = drawn(500, 5, late=True)
    rate = churned_within(people, ones(people), HORIZON)
    assert rate is not None
    assert rate.share == pytest.approx(1.0 - kaplan_meier(people, HORIZON)[-1])


def test_a_row_counts_as_if_it_were_there_as_often_as_it_weighs() -> None:
    people, warned = drawn(300, 6, late=True)
    times = np.random.default_rng(0).integers(1, 4, len(people))
    again = np.repeat(np.arange(len(people)), times)
    weighted = false_alarms(people, times.astype(np.float64), warned, HORIZON)
    repeated = false_alarms(people.take(again), np.ones(len(again)), warned[again], HORIZON)
    assert weighted == pytest.approx(repeated)
    assert churned_within(people, times.astype(np.float64), HORIZON) == pytest.approx(
        churned_within(people.take(again), np.ones(len(again)), HORIZON)
    )
