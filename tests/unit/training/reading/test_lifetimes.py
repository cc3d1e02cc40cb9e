"""Lifetimes follow the words of the design, checked against slow references and other people's libraries."""

# ruff: noqa: E501 - a case is read best in one line

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from sksurv.nonparametric import kaplan_meier_estimator

from models.value import Period
from tests.support.books import DATES, DATES_HEADER, DATES_ROWS, TENURE, TENURE_HEADER, TENURE_ROWS, write_book
from training.errors import DataError
from training.model.personperiods import SUPPORT
from training.reading.book import read_book
from training.reading.ingest import ingest
from training.reading.lifetimes import (
    Lifetimes,
    at_risk,
    completed_periods,
    gone,
    kaplan_meier,
    lifetimes,
    other_exit_survival,
    structured,
)

STEP: dict[Period, relativedelta] = {
    "day": relativedelta(days=1),
    "week": relativedelta(weeks=1),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}

days = st.dates(dt.date(1999, 12, 1), dt.date(2032, 3, 31))


@given(start=days, end=days, period=st.sampled_from(["week", "month", "quarter", "year"]))
def test_completed_periods_are_the_most_that_fit_on_the_calendar(start: dt.date, end: dt.date, period: Period) -> None:
    k = int(completed_periods(pl.Series([start]), pl.Series([end]), period)[0])
    assert start + k * STEP[period] <= end < start + (k + 1) * STEP[period]


@pytest.mark.parametrize(
    ("start", "end", "period", "completed"),
    [
        ((2025, 1, 15), (2025, 2, 14), "month", 0),
        ((2025, 1, 15), (2025, 2, 15), "month", 1),
        ((2025, 1, 31), (2025, 2, 27), "month", 0),
        ((2025, 1, 31), (2025, 2, 28), "month", 1),
        ((2024, 1, 31), (2024, 2, 28), "month", 0),
        ((2024, 1, 31), (2024, 2, 29), "month", 1),
        ((2025, 1, 31), (2025, 3, 30), "month", 1),
        ((2025, 1, 31), (2025, 4, 30), "month", 3),
        ((2024, 2, 29), (2025, 2, 27), "year", 0),
        ((2024, 2, 29), (2025, 2, 28), "year", 1),
        ((2024, 2, 29), (2028, 2, 28), "year", 3),
        ((2024, 2, 29), (2028, 2, 29), "year", 4),
        ((2024, 11, 30), (2025, 2, 28), "quarter", 1),
        ((2024, 12, 31), (2025, 1, 6), "week", 0),
        ((2024, 12, 31), (2025, 1, 7), "week", 1),
        ((2024, 2, 28), (2024, 3, 1), "day", 2),
        ((2025, 5, 5), (2025, 5, 5), "day", 0),
    ],
)
def test_calendar_periods_end_on_the_day_they_began_or_the_months_last(
    start: tuple[int, int, int], end: tuple[int, int, int], period: Period, completed: int
) -> None:
    assert completed_periods(pl.Series([dt.date(*start)]), dt.date(*end), period).tolist() == [completed]


def reference(counts: str, k: int, entry: int, *, churned: bool, left: bool) -> tuple[set[int], int | None, int | None]:
    """The design's words: the periods at risk, and the periods of the event and of the other exit."""
    if counts == "started":
        at = set(range(1, k + 1))
        ended = k
    elif churned or left:
        at = set(range(1, k + 2))
        ended = k + 1
    else:
        at = set(range(1, k + 1))
        ended = k
    at = {period for period in at if period > entry}
    return at, ended if churned else None, ended if left else None


@given(
    counts=st.sampled_from(["completed", "started"]),
    customers=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from(["yes", "no", "moved"])), min_size=1
    ),
)
def test_tenures_become_lifetimes_as_the_design_says(
    tmp_path_factory: pytest.TempPathFactory, counts: str, customers: list[tuple[int, int, str]]
) -> None:
    toml = TENURE.replace('"started"', f'"{counts}"\nexited_when = "moved"')
    book = read_book(write_book(tmp_path_factory.mktemp("book"), toml, TENURE_HEADER))
    least = 1 if counts == "started" else 0
    sound = [(k + least, min(entry, k), why) for k, entry, why in customers]
    sound += [(1, 0, "yes"), (1, 0, "no")]
    frame = pl.DataFrame(sound, schema={"tenure": pl.Int32, "entry": pl.Int32, "churn": pl.String}, orient="row")
    lives = lifetimes(book, frame)
    for (k, entry, why), a, z, event, left in zip(
        sound, lives.entry, lives.exit, lives.event, lives.other_exit, strict=True
    ):
        at, churned_in, left_in = reference(counts, k, entry, churned=why == "yes", left=why == "moved")
        assert set(range(a + 1, z + 1)) == at
        assert (z if event else None) == churned_in
        assert (z if left else None) == left_in


def test_dates_become_completed_periods_with_delayed_entry_and_competing_exits(tmp_path: Path) -> None:
    rows = (
        "d,2026-03-15,,,1",
        "e,2024-12-31,,,1",
        "f,2025-01-01,2026-03-31,churned,1",
        "g,2024-12-20,2025-01-05,churned,1",
    )
    book = read_book(write_book(tmp_path, DATES, DATES_HEADER, *DATES_ROWS, *rows))
    frame = ingest(book).frame
    lives = lifetimes(book, frame)
    # a left after 2 months, b is there after 9, c moved after 12 of which the eighth was under way when observation
    # began, d has begun; e completed no month before observation and was in its first, as g was when it left; f left in
    # the month that was under way at the end
    assert lives.entry.tolist() == [0, 0, 8, 0, 1, 0, 1]
    assert lives.exit.tolist() == [3, 9, 13, 0, 15, 14, 1]
    assert lives.event.tolist() == [True, False, False, False, False, False, False]
    assert lives.other_exit.tolist() == [False, False, True, False, False, False, False]
    assert lives.observed.tolist() == [True, True, True, False, True, True, False]
    assert gone(book, frame, lives).tolist() == [True, False, True, False, False, True, True]


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
@pytest.mark.parametrize("since", [None, dt.date(2023, 4, 15)])
def test_whoever_leaves_on_any_day_churns_as_often_as_in_truth(
    tmp_path: Path, period: Period, since: dt.date | None
) -> None:
    toml = DATES.replace("observed_from = 2025-01-01", f"observed_from = {since}" if since else "")
    book = read_book(write_book(tmp_path, toml.replace('"month"', f'"{period}"'), DATES_HEADER, *DATES_ROWS))
    n, rng = 200_000, np.random.default_rng(0)
    first, until = np.datetime64("2020-03-31"), np.datetime64("2026-03-31")
    start = first + rng.integers(0, (until - first).astype(int), n)
    end = start + np.ceil(1100 * rng.weibull(0.8, n)).astype("m8[D]")
    periods = {"month": 12, "quarter": 4, "year": 1}[period]
    truth = (completed_periods(pl.Series(start), pl.Series(end), period) < periods).mean()
    seen = end >= np.datetime64(since or first)
    frame = pl.DataFrame({"start": start[seen], "end": end[seen], "why": "churned"}).with_columns(
        pl.col("start", "end").cast(pl.Date)
    )
    told = frame.with_columns(pl.when(pl.col("end") <= until.item()).then(pl.col("end", "why")))
    stays = kaplan_meier(lifetimes(book, told), periods)
    assert 1 - stays[-1] == pytest.approx(truth, abs=0.005)


def test_with_dates_and_no_outcome_every_end_is_churn(tmp_path: Path) -> None:
    toml = DATES.replace('churned = "why"\nchurned_when = "churned"\n', "")
    book = read_book(write_book(tmp_path, toml, DATES_HEADER, *DATES_ROWS))
    assert lifetimes(book, ingest(book).frame).event.tolist() == [True, False, True]


def test_a_book_without_time_is_one_period(tmp_path: Path) -> None:
    toml = TENURE.replace('tenure = "tenure"\ntenure_counts = "started"\n', "").replace('entry = "entry"\n', "")
    book = read_book(write_book(tmp_path, toml, TENURE_HEADER, *TENURE_ROWS))
    y = structured(lifetimes(book, ingest(book).frame))
    assert y["event"].tolist() == [True, False, False]
    assert y["time"].tolist() == [1, 1, 1]
    assert y["entry"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("a,5,0,No,,,,", "b,5,0,maybe,,,,"), "churn: 0 of 2 customers churned; some must have churned and some not; found maybe, no, and churned_when is yes"),
        (("a,5,0,Yes,,,,", "b,5,0,Yes,,,,"), "churn: 2 of 2 customers churned; some must have churned and some not; found yes, and churned_when is yes"),
        (("a,5,0,Yes,,,,",), "churn: 1 of 1 customers churned; some must have churned and some not; found yes, and churned_when is yes"),
    ],
)  # fmt: skip
def test_nobody_or_everybody_churned_is_an_error(tmp_path: Path, rows: tuple[str, ...], expected: str) -> None:
    book = read_book(write_book(tmp_path, TENURE, TENURE_HEADER, *rows))
    with pytest.raises(DataError) as caught:
        lifetimes(book, ingest(book).frame)
    assert str(caught.value) == f"small.csv: {expected}"


def some_lives(*, late: bool, n: int = 400) -> Lifetimes:
    rng = np.random.default_rng(7)
    entry = rng.integers(0, 5, n, dtype=np.int32) * late
    last = (entry + rng.integers(0, 20, n)).astype(np.int32)
    why = rng.integers(0, 3, n)
    seen = last > entry
    return Lifetimes(entry, last, (why == 1) & seen, (why == 2) & seen)


@pytest.mark.parametrize("late", [False, True])
def test_kaplan_meier_agrees_with_scikit_survival(late: bool) -> None:  # noqa: FBT001
    lives = some_lives(late=late)
    seen = lives.observed
    time, expected = kaplan_meier_estimator(
        lives.event[seen], lives.exit[seen].astype(float), time_enter=lives.entry[seen].astype(float) if late else None
    )
    found = kaplan_meier(lives, int(lives.exit.max()))
    begun = time > 0
    np.testing.assert_allclose(found[time[begun].astype(int) - 1], expected[begun], atol=1e-12)
    assert np.isnan(kaplan_meier(lives, int(lives.exit.max()) + 1)[-1])


def test_at_risk_counts_who_is_in_each_period() -> None:
    lives = some_lives(late=True)
    slow = [int(((lives.entry < t) & (t <= lives.exit)).sum()) for t in range(1, 31)]
    assert at_risk(lives, 30).tolist() == slow
    assert at_risk(lives, 5).tolist() == slow[:5]


def test_churn_times_other_exits_is_the_share_that_stayed() -> None:
    lives = some_lives(late=False, n=4000)
    seen = lives.observed
    either = Lifetimes(lives.entry, lives.exit, lives.event | lives.other_exit, np.zeros_like(lives.event))
    supported = int((at_risk(lives, 20) >= 2 * SUPPORT).sum())
    assert supported > 15
    product = kaplan_meier(lives, supported) * other_exit_survival(lives, supported)
    np.testing.assert_allclose(product, kaplan_meier(either, supported), atol=1e-12)
    assert seen.sum() < 4000


def test_who_stands_for_three_counts_thrice() -> None:
    lives, weight = some_lives(late=True), np.tile([1.0, 3.0], 10_000)
    weight = weight[: len(lives)]
    again = lives.take(np.repeat(np.arange(len(lives)), weight.astype(int)))
    few = int((at_risk(lives, 20) >= 2 * SUPPORT).sum())
    np.testing.assert_allclose(at_risk(lives, 20, weight), at_risk(again, 20))
    np.testing.assert_allclose(kaplan_meier(lives, few, weight), kaplan_meier(again, few))
    np.testing.assert_allclose(other_exit_survival(lives, few, weight), other_exit_survival(again, few))


def test_other_exits_are_carried_on_where_few_customers_are_left() -> None:
    n = 200
    lives = Lifetimes(
        np.zeros(n, np.int32),
        np.repeat(np.arange(1, 9, dtype=np.int32), n // 8),
        np.arange(n) % 25 == 0,
        np.arange(n) % 25 == 1,
    )
    stays = other_exit_survival(lives, 30)
    hazards = 1 - stays[1:] / stays[:-1]
    assert np.all(stays > 0)
    assert np.allclose(hazards[8:], hazards[8])
    assert hazards[8] > 0
