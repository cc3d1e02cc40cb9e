"""Intervals hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, poisson

from training.evaluation.intervals import Rate, expected_over_observed, joint, ratio, share


@pytest.mark.parametrize(("hits", "trials"), [(0, 30), (1, 30), (15, 30), (30, 30), (212, 5000)])
def test_the_interval_of_a_share_is_the_exact_one_of_scipy(hits: int, trials: int) -> None:
    exact = binomtest(hits, trials).proportion_ci(0.9, method="exact")
    found = share(Rate(hits / trials, trials), 0.9)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("observed", [1, 7, 300])
def test_a_count_at_either_end_of_its_interval_is_as_rare_as_the_level_says(observed: int) -> None:
    found = expected_over_observed(100.0, observed, 0.9)
    assert poisson.sf(observed - 1, 100.0 / found.high) == pytest.approx(0.05)
    assert poisson.cdf(observed, 100.0 / found.low) == pytest.approx(0.05)


@given(*(st.integers(0, 40) for _ in range(2)), st.integers(40, 400), st.integers(40, 400), st.floats(0.5, 0.999))
def test_the_interval_of_a_ratio_holds_it_and_turns_around_with_it(
    a: int, b: int, n: int, m: int, level: float
) -> None:
    one, other = Rate(a / n, n), Rate(b / m, m)
    found, turned = ratio(one, other, level), ratio(other, one, level)
    assert 0.0 <= found.low <= found.value <= found.high
    assert found.value * turned.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0 / turned.high if math.isfinite(turned.high) else 0.0)


@pytest.mark.parametrize(("n", "m", "p", "q"), [(30, 700, 0.1, 0.1), (300, 700, 0.25, 0.2), (30, 700, 0.02, 0.02)])
def test_a_true_ratio_is_below_its_interval_as_seldom_as_promised(n: int, m: int, p: float, q: float) -> None:
    rng, below, runs = np.random.default_rng(0), 0, 1000
    for a, b in zip(rng.binomial(n, p, runs), rng.binomial(m, q, runs), strict=True):
        below += ratio(Rate(a / n, n), Rate(b / m, m)).low > p / q
    assert below / runs <= 0.035  # 0.025, and two standard errors of so many runs


def test_joint_intervals_share_the_error_among_them() -> None:
    assert joint(0) == joint(1) == pytest.approx(0.95)
    assert joint(10) == pytest.approx(0.995)
