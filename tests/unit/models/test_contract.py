"""The contract turns raw values into one vector, and refuses what it does not understand."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Contract, Feature
from models.errors import FeatureError

PLAN = Feature(name="plan", kind="category", categories=("基本", "標準", "ﾌﾟﾚﾐｱﾑ"), label={"en": "Plan", "ja": "プラン"})
SEATS = Feature(name="seats", kind="number", low=1.0, high=500.0)
TRIAL = Feature(name="trial", kind="flag", missing_seen=True)
CONTRACT = Contract((PLAN, SEATS, TRIAL))


def test_a_mapping_becomes_a_vector_in_the_order_of_the_contract() -> None:
    vector = CONTRACT.encode({"trial": True, "plan": "標準", "seats": 12})
    assert vector.dtype == np.float32
    assert vector.tolist() == [1.0, 12.0, 1.0]


def test_what_is_absent_or_null_is_missing() -> None:
    assert np.isnan(CONTRACT.encode({"plan": None})).all()


def test_a_blank_category_is_missing_and_an_unseen_one_is_unknown() -> None:
    assert math.isnan(CONTRACT.encode({"plan": "  "})[0])
    assert CONTRACT.encode({"plan": "特別"})[0] == -1


def test_full_width_and_padded_spellings_are_the_same_category() -> None:
    contract = Contract((Feature(name="plan", kind="category", categories=("Plan A1",)),))
    assert contract.encode({"plan": " Ｐｌａｎ　Ａ１ "})[0] == 0  # noqa: RUF001 - full-width is the point


def test_values_are_laid_over_a_vector_that_stays_as_it_was() -> None:
    stored = CONTRACT.encode({"plan": "基本", "seats": 3})
    merged = CONTRACT.encode({"seats": None, "trial": 0}, onto=stored)
    assert merged[0] == 0
    assert math.isnan(merged[1])
    assert merged[2] == 0
    assert stored[1] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seats", "12"),
        ("seats", True),
        ("seats", math.nan),
        ("seats", math.inf),
        ("seats", 1e39),
        ("seats", 10**400),
        ("plan", 3),
        ("trial", "yes"),
        ("trial", 2),
        ("trial", math.nan),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name_without_repeating_it(name: str, value: object) -> None:
    with pytest.raises(FeatureError) as refused:
        CONTRACT.encode({name: value})  # type: ignore[dict-item]
    assert refused.value.name == name
    assert refused.value.reason.startswith("expected")


def test_a_mistyped_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(FeatureError, match="did you mean 'seats'"):
        CONTRACT.encode({"saets": 1})


def test_the_hash_changes_with_what_decides_the_encoding_and_with_nothing_else() -> None:
    def changed(**change: object) -> str:
        return Contract((msgspec.structs.replace(PLAN, **change), SEATS, TRIAL)).hash

    assert changed(label={"en": "Tariff"}) == CONTRACT.hash
    assert changed(name="tariff") != CONTRACT.hash
    assert changed(kind="flag") != CONTRACT.hash
    assert changed(categories=("標準", "基本", "ﾌﾟﾚﾐｱﾑ")) != CONTRACT.hash
    assert changed(missing_seen=True) != CONTRACT.hash
    assert Contract((SEATS, PLAN, TRIAL)).hash != CONTRACT.hash


def test_the_hash_survives_a_round_trip_through_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(CONTRACT), type=Contract).hash == CONTRACT.hash


@given(
    plan=st.none() | st.sampled_from(PLAN.categories),
    seats=st.none() | st.integers(-(10**6), 10**6) | st.floats(-6e4, 6e4, width=16),
    trial=st.none() | st.booleans(),
)
def test_raw_values_come_back_from_their_codes(plan: str | None, seats: float | None, trial: bool | None) -> None:  # noqa: FBT001
    vector = CONTRACT.encode({"plan": plan, "seats": seats, "trial": trial})
    assert CONTRACT.raw(0, vector[0]) == plan
    assert CONTRACT.raw(1, vector[1]) == (seats if seats is None else pytest.approx(seats, rel=1e-6))
    assert CONTRACT.raw(2, vector[2]) == trial


def test_numbers_are_shown_as_they_were_sent_not_as_float32_holds_them() -> None:
    assert CONTRACT.raw(1, float(np.float32(29.85))) == 29.85
    assert CONTRACT.raw(1, float(np.float32(12))) == 12


def test_labels_fall_back_to_english_then_to_the_name() -> None:
    assert PLAN.title("ja") == "プラン"
    assert PLAN.title("fr") == "Plan"
    assert SEATS.title("ja") == "seats"
