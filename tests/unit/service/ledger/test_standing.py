"""Standing: what reps made of prospects, one by one and over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from service.ledger.records import Row
from service.ledger.standing import Standing, by_user, over_time
from tests.support.decided import row

CLEAR = {"action": "proceed", "shown": "proceed", "band": "low"}


def at(day: str) -> int:
    """Noon of a day."""
    return int(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp() * 1000)


def pursued(number: int, **more: Any) -> Row:
    return row(number, choice="proceeded", **{**CLEAR, **more})


def test_a_rep_stands_by_honest_refusals_as_well_as_by_what_was_pursued() -> None:
    rows = [
        row(1, outcome="churned"),
        row(2, outcome="stayed"),
        row(3),
        row(4, **CLEAR),
        row(5, choice="review"),
        pursued(6, pltv=100.0, pltv_to_cpa=2.0, outcome="stayed"),
        pursued(7, pltv=300.0, pltv_to_cpa=4.0, outcome="churned"),
        pursued(8, pltv=200.0, outcome="won"),
        row(9, choice="proceeded"),
    ]
    assert by_user(rows) == [
        Standing(
            "u-1",
            decisions=9,
            declined=3,
            right=1,
            wrong=1,
            all_clear=1,
            review=1,
            proceeded=4,
            overrides=1,
            pltv=200.0,
            pltv_to_cpa=3.0,
            known=2,
            stayed=1,
        )
    ]


def test_the_rep_with_the_most_decisions_comes_first() -> None:
    rows = [row(1, user="u-3"), row(2, user="u-2"), row(3, user="u-2"), row(4, user="u-1")]
    assert [each.of for each in by_user(rows)] == ["u-2", "u-1", "u-3"]


def test_what_is_not_known_of_the_pursued_is_not_made_up() -> None:
    [standing] = by_user([row(1, pltv=50.0, outcome="stayed"), pursued(2)])
    assert (standing.pltv, standing.pltv_to_cpa, standing.known) == (None, None, 0)


def test_time_goes_by_in_stretches_without_gaps() -> None:
    course = over_time(
        [row(1, decided_ms=at("2026-03-05")), row(2, decided_ms=at("2026-03-02")), row(3, decided_ms=at("2026-03-05"))]
    )
    assert course.step == "day"
    assert [(each.of, each.decisions) for each in course.stretches] == [
        *(("2026-03-02", 1), ("2026-03-03", 0), ("2026-03-04", 0), ("2026-03-05", 2))
    ]


def test_a_longer_time_is_told_in_weeks_that_begin_on_monday_and_then_in_months() -> None:
    weeks = over_time([row(1, decided_ms=at("2026-03-04")), row(2, decided_ms=at("2026-04-13"))])
    assert weeks.step == "week"
    assert [each.of for each in weeks.stretches][:2] == ["2026-03-02", "2026-03-09"]
    assert sum(each.decisions for each in weeks.stretches) == 2
    months = over_time([row(1, decided_ms=at("2025-11-30")), row(2, decided_ms=at("2026-12-01"))])
    assert months.step == "month"
    assert [months.stretches[0].of, months.stretches[2].of, months.stretches[-1].of] == [
        *("2025-11-01", "2026-01-01", "2026-12-01")
    ]
    assert len(months.stretches) == 14


def test_no_decision_takes_no_time() -> None:
    assert over_time([]).stretches == []
