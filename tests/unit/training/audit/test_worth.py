"""The features' worth: what carries the signal is missed when it is taken out, noise and copies are not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from models.contract import Contract, Feature, Vector
from training.audit import worth as module
from training.audit.worth import Worth, _of_columns, worth
from training.model.hazard import AdditiveHazardClassifier
from training.model.selection import deviance
from training.reading.lifetimes import Lifetimes, structured

TEMPLATE = AdditiveHazardClassifier(
    horizon=6, periods=24, categorical=(1,), max_iter=60, max_leaf_nodes=4, max_features=1.0
)
CONTRACT = Contract(
    (
        Feature(name="strong", kind="number"),
        Feature(name="group", kind="category", categories=("a", "b", "c")),
        Feature(name="noise", kind="number"),
        Feature(name="constant", kind="flag"),
    )
)


def customers(n: int, seed: int = 0) -> tuple[Vector, Lifetimes]:
    """A strong number, a group that matters, noise, and a constant."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 3, n), rng.normal(size=n), np.ones(n)])
    left = rng.geometric(1 / (1 + np.exp(2.5 - 1.2 * x[:, 0] - 0.8 * (x[:, 1] == 1))))
    seen, none = rng.integers(1, 24, n), np.zeros(n, dtype=np.int32)
    lives = Lifetimes(none, np.minimum(left, seen).astype(np.int32), left <= seen, none.astype(np.bool_))
    return x.astype(np.float32), lives


def of(x: Vector, lives: Lifetimes) -> Worth:
    found = worth(TEMPLATE, CONTRACT, x, lives)
    assert found is not None
    return found


def test_features_are_ordered_by_what_is_lost_without_them() -> None:
    found = of(*customers(3000))
    assert [one.feature for one in found.features][:2] == ["strong", "group"]
    strong, group, *rest = found.features
    for one in (strong, group):
        assert one.auc_low > 0
        assert one.deviance_low > 0
    assert strong.auc > 0.1
    assert all(abs(one.auc) < 0.01 for one in rest)
    assert found.customers == 1500


def test_of_two_copies_neither_is_missed() -> None:
    x, lives = customers(3000)
    x[:, 2] = x[:, 0]
    found = {one.feature: one for one in of(x, lives).features}
    assert abs(found["strong"].auc) < 0.01
    assert abs(found["noise"].auc) < 0.01
    assert found["group"].auc_low > 0


def test_the_loss_is_that_of_two_models_fitted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "train_test_split", lambda rows, train_size, **_: (rows[:train_size], rows[train_size:])
    )
    x, lives = customers(1000)
    found = next(one for one in of(x, lives).features if one.feature == "strong")
    y, means = structured(lives), []
    for columns, categorical in (([0, 1, 2, 3], (1,)), ([1, 2, 3], (0,))):
        model = AdditiveHazardClassifier(6, 24, categorical, max_iter=60, max_leaf_nodes=4, max_features=1.0)
        model.fit(x[:500, columns], y[:500])
        means.append(deviance(model, x[500:, columns], y[500:]).mean())
    assert found.deviance == pytest.approx(means[1] - means[0], abs=1e-6)


def test_of_too_many_features_those_of_the_most_effect_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIED", 2)
    found = of(*customers(2000))
    assert {one.feature for one in found.features} == {"strong", "group"}
    assert found.untried == ("noise", "constant")


def test_settings_follow_their_columns() -> None:
    whole = AdditiveHazardClassifier(
        categorical=(1, 4), increasing=(2,), decreasing=(0,), pairs=((0, 2), (1, 4), (2, 4)), max_leaf_nodes=8
    )
    part = _of_columns(whole, [1, 2, 4])
    assert (part.categorical, part.increasing, part.decreasing, part.pairs) == ((0, 2), (1,), (), ((0, 2), (1, 2)))
    assert part.max_leaf_nodes == 8


def test_the_only_feature_of_a_book_is_worth_all_that_is_known() -> None:
    x, lives = customers(1000)
    contract = Contract((Feature(name="strong", kind="number"),))
    found = worth(clone(TEMPLATE).set_params(categorical=()), contract, x[:, :1], lives)
    assert found is not None
    assert found.features[0].auc == pytest.approx(found.auc - 0.5, abs=1e-6)


def test_nothing_is_said_where_nobody_was_seen_to_survive_the_horizon() -> None:
    x, lives = customers(400)
    early = lives.event & (lives.exit <= 3)
    short = Lifetimes(lives.entry, np.minimum(lives.exit, 3).astype(np.int32), early, lives.other_exit)
    assert worth(TEMPLATE, CONTRACT, x, short) is None


def test_progress_ends_at_one_and_the_same_customers_give_the_same_worth() -> None:
    x, lives = customers(400)
    shares: list[float] = []
    assert worth(TEMPLATE, CONTRACT, x, lives, np.ones(400), shares.append) == worth(TEMPLATE, CONTRACT, x, lives)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
