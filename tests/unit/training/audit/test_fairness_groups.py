"""A protected column is parted into groups large enough to be judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from training.audit.fairness_groups import MIN_CUSTOMERS, MISSING, NAMED, OTHERS, Grouping, group, title


def parted(values: Sequence[str | None], weight: float = 1.0) -> tuple[Grouping, dict[str, int]]:
    grouping = group(pl.Series(values, dtype=pl.String), np.full(len(values), weight))
    sizes = np.bincount(grouping.member, minlength=len(grouping.names))
    return grouping, dict(zip(grouping.names, sizes.tolist(), strict=True))


def test_values_come_by_size_then_the_missing_then_the_small_ones_together() -> None:
    _, sizes = parted(["b"] * 40 + ["a"] * 50 + [None] * 3 + ["c"] * 29 + ["d"] * 2)
    assert list(sizes.items()) == [("a", 50), ("b", 40), (MISSING, 3), (OTHERS, 31)]


def test_numbers_are_cut_into_quarters_named_by_their_ends() -> None:
    ages = np.random.default_rng(0).permutation(np.repeat(np.arange(20, 60), 10)).astype(str).tolist()
    _, sizes = parted([*ages, None])
    assert sorted(sizes) == [MISSING, "20 – 29", "30 – 39", "40 – 49", "50 – 59"]  # noqa: RUF001 - a range
    assert set(sizes.values()) == {1, 100}


def test_dates_are_cut_into_quarters_too() -> None:
    _, sizes = parted([f"{year}-01-01" for year in range(1950, 1990) for _ in range(10)])
    assert "1950-01-01 – 1959-01-01" in sizes  # noqa: RUF001 - a range


def test_numbers_among_which_is_none_that_can_be_ordered_stand_for_what_they_are() -> None:
    assert set(parted([str(number) for number in range(20) for _ in range(40)] + ["nan"])[1]) >= {"0", "11", OTHERS}


def test_a_few_numbers_stand_for_what_they_are() -> None:
    assert set(parted(["0"] * 50 + ["1"] * 50)[1]) == {"0", "1"}


def test_no_more_groups_stand_alone_than_can_be_compared() -> None:
    _, sizes = parted([f"p{number:02}" for number in range(47) for _ in range(40)])
    assert len(sizes) == NAMED + 1
    assert sizes[OTHERS] == 40 * (47 - NAMED)


def test_a_row_counts_for_as_many_customers_as_it_stands_for() -> None:
    assert set(parted(["a"] * 3 + ["b"] * 2, weight=10.0)[1]) == {"a", OTHERS}


@given(st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=200))
def test_everybody_is_in_one_group_and_every_group_has_somebody(values: list[str | None]) -> None:
    grouping, sizes = parted(values)
    assert len(grouping.member) == len(values)
    assert min(sizes.values()) > 0
    assert all(size >= MIN_CUSTOMERS for name, size in sizes.items() if name not in (MISSING, OTHERS))


def test_groups_that_are_no_values_have_a_name_in_both_languages() -> None:
    assert [title(MISSING, "en"), title(MISSING, "ja"), title("female", "ja")] == ["(missing)", "（欠損）", "female"]  # noqa: RUF001 - Japanese
