"""Associations: as scikit-learn and scipy measure them, and learned from other customers than they are tried on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm, pearsonr
from sklearn.metrics import roc_auc_score

from training.audit.association import Z, auc, bounds, correlation, crossed, groups

LEVEL = 2 * norm.cdf(Z) - 1


def test_the_auc_is_scikit_learns_within_each_stratum() -> None:
    rng = np.random.default_rng(4)
    score, case, weight = rng.integers(0, 9, 400) / 8, rng.random(400) < 0.3, rng.uniform(0.5, 2, 400)
    here = np.zeros(400, dtype=np.int64)
    assert auc(score, case, weight, here).value == pytest.approx(roc_auc_score(case, score, sample_weight=weight))
    half = here + (np.arange(400) < 200)
    apart = [roc_auc_score(case[half == h], score[half == h], sample_weight=weight[half == h]) for h in (0, 1)]
    pairs = [weight[(half == h) & case].sum() * weight[(half == h) & ~case].sum() for h in (0, 1)]
    assert auc(score, case, weight, half).value == pytest.approx(np.average(apart, weights=pairs))


@pytest.mark.parametrize(("true", "of"), [(0, 20), (3, 40), (500, 500)])
def test_the_bounds_of_a_share_are_wilsons(true: int, of: int) -> None:
    wilson = binomtest(true, of).proportion_ci(LEVEL, method="wilson")
    assert bounds(np.arange(of) < true) == pytest.approx((wilson.low, wilson.high))


def test_the_bound_of_a_correlation_is_fishers() -> None:
    rng = np.random.default_rng(8)
    a = rng.normal(size=200)
    b = a + rng.normal(size=200)
    oracle = pearsonr(a, b)
    assert correlation(a, b) == pytest.approx((oracle.statistic, oracle.confidence_interval(LEVEL).low))
    cohort = np.arange(200) // 50
    assert correlation(a + 9 * cohort, b - 9 * cohort, cohort).value == pytest.approx(
        np.corrcoef(*(v - np.repeat([v[cohort == c].mean() for c in range(4)], 50) for v in (a, b)))[0, 1]
    )


def test_what_does_not_vary_has_no_correlation() -> None:
    assert correlation(np.ones(50), np.arange(50.0)) == (0.0, -1.0)


def test_a_category_per_customer_tells_nothing_of_customers_it_was_not_learned_from() -> None:
    rng = np.random.default_rng(9)
    target = rng.normal(size=200)
    score = crossed(groups(np.arange(200, dtype=np.float32), category=True), target)
    assert len(np.unique(score)) == 2
