"""Selection: plain settings for small books, and a pair of features only where the two act together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.model.hazard import AdditiveHazardClassifier
from training.model.selection import COARSE_BINS, _coarse, deviance, rank_pairs, select


def customers(n: int, together: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.void]]:
    """Five numbers, of which the first two raise churn alone, and by `together` more when both are high or both low."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    log_odds = -2.5 + 0.5 * x[:, 0] + 0.5 * x[:, 1] + together * np.sign(x[:, 0] * x[:, 1])
    left = rng.geometric(1 / (1 + np.exp(-log_odds)))
    seen = rng.integers(1, 24, n)
    y = np.zeros(n, dtype=[("event", bool), ("time", np.int64)])
    y["event"], y["time"] = left <= seen, np.minimum(left, seen)
    return x, y


TEMPLATE = AdditiveHazardClassifier(horizon=6, periods=24)


def test_a_pair_that_acts_together_is_found_and_kept() -> None:
    x, y = customers(4000, together=0.8)
    chosen = select(TEMPLATE, x, y).estimator
    assert chosen.pairs[0] == (0, 1)


def test_features_that_act_alone_are_left_alone() -> None:
    x, y = customers(4000, together=0.0)
    assert select(TEMPLATE, x, y).estimator.pairs == ()


def test_the_chosen_settings_are_those_of_the_least_deviance_and_the_rest_is_the_templates() -> None:
    x, y = customers(1500, together=0.0)
    estimator, deviances = select(TEMPLATE, x, y)
    plain = {name: value for name, value in deviances.items() if not name.startswith("pairs")}
    assert min(plain, key=lambda name: plain[name]) == (
        f"max_iter {estimator.max_iter}, max_leaf_nodes {estimator.max_leaf_nodes}"
    )
    assert (estimator.horizon, estimator.periods) == (6, 24)


def test_a_small_book_gets_a_plain_model() -> None:
    x, y = customers(300, together=0.0)
    assert select(TEMPLATE, x, y).estimator.max_iter <= 50


def test_the_same_customers_give_the_same_choice_and_progress_ends_at_one() -> None:
    x, y = customers(400, together=0.0)
    shares: list[float] = []
    first, second = select(TEMPLATE, x, y, progress=shares.append), select(TEMPLATE, x, y)
    assert first.estimator.get_params() == second.estimator.get_params()
    assert first.deviances == second.deviances
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_deviance_is_that_of_every_trial_one_by_one() -> None:
    x, y = customers(200, together=0.0)
    fitted = TEMPLATE.fit(x, y)
    survival = np.column_stack([np.ones(len(x)), fitted.predict_survival_function(x)])
    slow = np.empty(len(x))
    for i, (event, time) in enumerate(y):
        stayed = survival[i, time - 1] - survival[i, time] if event else survival[i, time]
        slow[i] = -2 * np.log(stayed)
    assert deviance(fitted, x, y) == pytest.approx(slow, rel=1e-9)


def test_pairs_are_ranked_by_what_they_would_explain() -> None:
    x, y = customers(4000, together=0.8)
    assert rank_pairs(TEMPLATE.fit(x, y), x, y, np.ones(len(x)))[0] == (0, 1)


def test_when_bins_are_made_coarse_missing_stays_a_group_of_its_own() -> None:
    rows = np.concatenate([np.zeros(5, dtype=np.int64), np.repeat(np.arange(1, 41), 25)])
    group = _coarse(rows)
    assert set(group[rows == 0]) == {COARSE_BINS}
    assert set(group[rows > 0]) == set(range(COARSE_BINS))
    assert (np.diff(group[rows > 0]) >= 0).all()
