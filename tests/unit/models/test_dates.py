"""A date is one feature where it is sent, and a column for each of its parts where a model reads it."""

from __future__ import annotations

import math
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Contract, Feature
from models.dates import CALENDAR, read_date
from models.errors import FeatureError

LABEL = {"en": "Founded", "ja": "設立"}
MONTH = Feature(
    name="founded.month", kind="category", label=LABEL, categories=CALENDAR["month"], source="founded", part="month"
)
WEEKDAY = Feature(
    name="founded.weekday",
    kind="category",
    label=LABEL,
    categories=CALENDAR["weekday"],
    source="founded",
    part="weekday",
)
AGE = Feature(name="founded.age", kind="number", label=LABEL, unit="days", source="founded", part="age")
SEATS = Feature(name="seats", kind="number")
CONTRACT = Contract((MONTH, WEEKDAY, AGE, SEATS))
TODAY = date(2026, 11, 21)


def seen(value: str | None, today: date = TODAY, contract: Contract = CONTRACT) -> list[object]:
    """What people read of the parts of `founded`."""
    [row] = contract.as_of(contract.encode({"founded": value})[None, :], today)
    return [contract.raw(position, float(row[position])) for position in contract.positions["founded"]]


@pytest.mark.parametrize(
    "text",
    [
        "2001-04-01",
        "2001/4/1",
        " 2001-04-01 ",
        "2001-04-01T23:59:59.000+0900",
        "2001-04-01 00:00:00",
        "2001-04-01T15:00Z",
    ],
)
def test_a_date_is_its_month_its_weekday_and_its_age_in_days_however_it_is_spelled(text: str) -> None:
    assert seen(text) == ["4", "Sun", (TODAY - date(2001, 4, 1)).days]


def test_february_29_and_days_long_ago_are_days_like_others() -> None:
    assert seen("2024-02-29", date(2025, 2, 28)) == ["2", "Thu", 365]
    assert seen("1868-10-23") == ["10", "Fri", (TODAY - date(1868, 10, 23)).days]
    assert seen("0001-01-01") == ["1", "Mon", TODAY.toordinal() - 1]


def test_a_later_date_was_not_known_but_tomorrow_may_have_begun_in_the_east() -> None:
    assert seen("2026-11-21")[2] == 0
    assert seen("2026-11-22") == ["11", "Sun", 0]
    assert seen("2026-11-23") == [None, None, None]
    assert seen("9999-12-31") == [None, None, None]


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_date_leaves_every_part_missing(nothing: str | None) -> None:
    assert seen(nothing) == [None, None, None]


@pytest.mark.parametrize(
    "bad",
    ["2023-02-29", "2001-13-01", "0000-01-01", "01.04.2001", "04/01/2001", "20010401", "2001-04", "2001-04-01x", "soon",
     "２００１-０４-０１", 986083200000, 37, True],  # noqa: RUF001 - full-width is the point
)  # fmt: skip
def test_what_is_no_date_is_refused_without_repeating_it(bad: object) -> None:
    with pytest.raises(
        FeatureError, match=r"^founded: expected a date such as 2026-03-31, got (a string|.* number|true or false)$"
    ):
        CONTRACT.encode({"founded": bad})  # type: ignore[dict-item]


def test_a_part_cannot_be_sent_and_a_mistyped_date_is_named() -> None:
    with pytest.raises(FeatureError, match=r"^founded.age: is made of a date; send that as 'founded'$"):
        CONTRACT.encode({"founded.age": 3})
    with pytest.raises(FeatureError, match="did you mean 'founded'"):
        CONTRACT.encode({"fuonded": "2001-04-01"})


def test_an_unseen_month_is_unknown() -> None:
    spring = msgspec.structs.replace(MONTH, categories=("3", "4", "5"))
    assert Contract((spring,)).encode({"founded": "2001-04-01"}).tolist() == [1]
    assert Contract((spring,)).encode({"founded": "2001-06-01"}).tolist() == [-1]


def test_without_its_age_a_date_is_the_same_on_every_day() -> None:
    contract = Contract((MONTH, WEEKDAY))
    assert seen("2030-04-01", TODAY, contract) == ["4", "Mon"]


@given(day=st.dates(), waited=st.integers(0, 4000))
def test_what_was_encoded_once_grows_older_by_the_day(day: date, waited: int) -> None:
    today = min(day, date(9980, 1, 1))
    stored = CONTRACT.encode({"founded": today.isoformat(), "seats": 3})
    [row] = CONTRACT.as_of(stored[None, :], today + timedelta(waited))
    assert row.tolist() == [today.month - 1, today.weekday(), waited, 3]
    np.testing.assert_array_equal(stored, CONTRACT.encode({"founded": today.isoformat(), "seats": 3}))


@given(day=st.dates(), after=st.sampled_from(["", "T00:00:00", "T12:30:00+09:00", " 1:00"]))
def test_every_day_of_the_calendar_reads_as_python_writes_it(day: date, after: str) -> None:
    assert read_date(day.isoformat() + after) == day


def test_a_date_laid_over_a_vector_replaces_all_its_parts() -> None:
    stored = CONTRACT.encode({"founded": "2001-04-01", "seats": 3})
    assert CONTRACT.encode({"founded": None}, onto=stored)[:3].tolist() == pytest.approx([math.nan] * 3, nan_ok=True)
    assert CONTRACT.encode({"seats": 4}, onto=stored)[:3].tolist() == stored[:3].tolist()


def test_what_is_sent_is_the_date_under_its_own_label() -> None:
    assert CONTRACT.sent == (Feature(name="founded", kind="date", label=LABEL), SEATS)
    assert CONTRACT.positions == {"founded": (0, 1, 2), "seats": (3,)}


def test_people_read_which_part_of_which_date_it_is() -> None:
    assert AGE.title("en") == "Founded: age at sign-up in days"
    assert AGE.title("ja") == "設立：契約時の経過日数"  # noqa: RUF001 - Japanese has a colon of its own
    assert MONTH.title("fr") == "Founded: month"
    assert msgspec.structs.replace(WEEKDAY, label={}).title("en") == "founded: weekday"


def test_the_hash_tells_a_part_from_a_column_of_its_name() -> None:
    plain = Feature(name="founded.age", kind="number", label=LABEL, unit="days")
    assert Contract((plain,)).hash != Contract((AGE,)).hash
