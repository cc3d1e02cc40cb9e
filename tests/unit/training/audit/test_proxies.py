"""Features that tell a protected group are found, noise is not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.contract import Contract, Feature
from training.audit.proxies import _auc, proxies, told_by_all

Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[np.generic]]
CATEGORIES = tuple(f"c{number:03}" for number in range(200))


def asked(columns: Columns, kinds: Mapping[str, str]) -> tuple[Contract, NDArray[np.float32]]:
    features = tuple(
        Feature(name=name, kind="category", categories=CATEGORIES)
        if kinds.get(name) == "category"
        else Feature(name=name, kind="number")
        for name in columns
    )
    return Contract(features), np.column_stack(list(columns.values())).astype(np.float32)


def found(contract: Contract, x: NDArray[np.float32], names: tuple[str, ...], member: Ints) -> dict[str, bool]:
    carried = {name: dict.fromkeys(contract.names, 0.0) for name in names}
    return {proxy.feature: proxy.found for proxy in proxies(contract, x, names, member, carried)}


def test_a_copy_a_fold_and_a_category_are_found_before_noise() -> None:
    rng = np.random.default_rng(0)
    member = (rng.random(3000) < 0.2).astype(np.int64)
    middle = np.where(member == 1, rng.normal(0, 0.2, 3000), rng.choice([-1, 1], 3000) * rng.uniform(0.3, 2, 3000))
    missing = np.where(rng.random(3000) < np.where(member == 1, 0.6, 0.1), np.nan, 1.0)
    town = np.where(member == 1, rng.integers(0, 20, 3000), rng.integers(10, 60, 3000))
    columns = {"noise": rng.normal(size=3000), "missing": missing, "town": town, "middle": middle, "copy": member}
    contract, x = asked(columns, {"town": "category"})
    told = found(contract, x, ("m", "f"), member)
    assert next(iter(told.items())) == ("copy", True)
    assert told == {"copy": True, "middle": True, "town": True, "missing": True, "noise": False}


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_proxy_of_small_groups_not_even_with_a_category_per_handful(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = {f"n{number}": rng.normal(size=600) for number in range(15)}
    columns = {**numbers, **{f"c{number}": rng.integers(0, 200, 600) for number in range(5)}}
    contract, x = asked(columns, {f"c{number}": "category" for number in range(5)})
    member = rng.choice(4, 600, p=[0.8, 0.08, 0.06, 0.06])
    assert not any(found(contract, x, ("a", "b", "c", "d"), member).values())


def test_the_area_under_the_curve_is_that_of_scikit_learn_and_spreads_as_it_says() -> None:
    areas = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        member = rng.random(400) < 0.3
        score = np.round(rng.normal(0.5 * member), 1)
        area = _auc(score, member, ~member, 0.95)
        assert area.value == pytest.approx(roc_auc_score(member, score))
        areas.append((area.value, area.high - area.low))
    values, widths = np.array(areas).T
    assert widths.mean() == pytest.approx(2 * 1.96 * values.std(), rel=0.15)


def test_all_features_together_tell_what_none_tells_alone() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 3000))
    contract, x = asked({"a": a, "b": b}, {})
    member = (a ^ b).astype(np.int64)
    assert not any(found(contract, x, ("even", "odd"), member).values())
    told = told_by_all(contract, x, ("even", "odd"), member)
    assert told is not None
    assert told[1].low > 0.95


def test_a_feature_that_says_nothing_is_worth_a_toss_of_a_coin() -> None:
    member = (np.random.default_rng(0).random(1003) < 0.3).astype(np.int64)
    contract, x = asked({"constant": np.ones(1003), "missing": np.full(1003, np.nan)}, {"missing": "category"})
    carried = {name: dict.fromkeys(contract.names, 0.0) for name in ("m", "f")}
    for proxy in proxies(contract, x, ("m", "f"), member, carried):
        assert proxy.auc.value == pytest.approx(0.5, abs=0.01)


def test_a_column_of_one_group_cannot_be_told() -> None:
    contract, x = asked({"a": np.arange(100)}, {})
    everybody = np.zeros(100, dtype=np.int64)
    assert found(contract, x, ("all",), everybody) == {}
    assert told_by_all(contract, x, ("all",), everybody) is None
