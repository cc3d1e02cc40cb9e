"""The wire: the path of the first fault, with the key that msgspec leaves out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import NAME_SHOWN, BadInput, key_path
from service.wire import check_id, id_in, read_batch, read_features, read_score


@given(
    good=st.dictionaries(st.text(max_size=20), st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text()),
    key=st.text(max_size=20),
    bad=st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(), st.integers(), max_size=2),
)
@settings(derandomize=True, deadline=None)
def test_the_one_bad_feature_is_the_one_named(good: dict[str, Any], key: str, bad: Any) -> None:
    body = msgspec.json.encode({"prospect_id": "L", "features": {**good, key: bad}})
    with pytest.raises(BadInput) as caught:
        read_score(body)
    assert caught.value.path == key_path("$.features", key)


def test_names_are_repeated_up_to_a_length() -> None:
    assert len(key_path("$", "k" * 10_000)) == NAME_SHOWN + 2


@pytest.mark.parametrize("wrapped", [True, False])
def test_features_may_come_bare_or_wrapped(*, wrapped: bool) -> None:
    features = {"features": 1} if not wrapped else {"seats": 1}
    body = msgspec.json.encode({"features": features} if wrapped else features)
    assert read_features(body) == (features, "$.features" if wrapped else "$")


def test_an_entry_that_does_not_read_still_tells_its_id_where_it_has_one() -> None:
    entries = read_batch(b'{"prospects": [{"prospect_id": "a", "features": 1}, {"prospect_id": 1}, 7, {}]}')
    assert [id_in(entry) for entry in entries] == ["a", None, None, None]


@pytest.mark.parametrize("prospect_id", ["L-1001", "山田 太郎", "a" * 128, "x@y.example", "a b", "e\u0301", "😀"])
def test_ids_that_people_use_are_accepted(prospect_id: str) -> None:
    check_id(prospect_id, "$")


@pytest.mark.parametrize("prospect_id", ["", "a" * 129, "a\n", "\x00", "\x7f", "\x85", ".", ".."])
def test_ids_that_nobody_can_see_or_no_url_can_hold_are_refused(prospect_id: str) -> None:
    with pytest.raises(BadInput):
        check_id(prospect_id, "$")
