"""Refusals: what counts as an honest one, and how warnings and overrides turned out."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from service.ledger.records import Row
from service.ledger.refusals import HeldOut, Tally, Turned, summary, wilson
from tests.support.decided import row


def newest_first(*rows: Row) -> list[Row]:
    return sorted(rows, key=lambda each: -each.id)


def test_declining_who_was_all_clear_earns_nothing() -> None:
    clear = {"action": "proceed", "shown": "proceed", "band": "low"}
    found = summary(newest_first(row(1, user="u-2", **clear), row(2, user="u-2", **clear), row(3)), [])
    assert (found.declines.counted, found.declines.all_clear) == (1, 2)
    assert found.declines.by_user == [Tally("u-1", 1)]


@pytest.mark.parametrize("doubt", [{"action": "review"}, {"band": "medium"}, {"band": "high"}])
def test_any_doubt_makes_a_refusal_count(doubt: dict[str, str]) -> None:
    clear = {"action": "proceed", "shown": "proceed", "band": "low"}
    assert summary([row(1, **{**clear, **doubt})], []).declines.counted == 1


def test_declining_the_same_prospect_again_earns_nothing_and_the_last_word_counts() -> None:
    found = summary(newest_first(row(1, subject="s"), row(2, subject="s"), row(3, subject="s", choice="review")), [])
    assert (found.decisions, found.declines.counted) == (1, 0)


def test_refusals_are_right_when_the_prospect_churned_wrong_when_it_stayed_and_open_until_then() -> None:
    outcomes = ["churned", "churned", "stayed", "won", "lost", None]
    found = summary(newest_first(*(row(n, outcome=outcome) for n, outcome in enumerate(outcomes))), [])
    assert (found.refusals.right, found.refusals.wrong, found.refusals.open) == (2, 1, 3)


def test_an_override_is_going_on_against_a_warning_that_was_seen_and_is_told_with_how_it_turned_out() -> None:
    against = {"choice": "proceeded", "reason": "founder"}
    held_out = row(5, **against, shown="review", held_out=True)
    found = summary(
        newest_first(row(1, **against, outcome="churned"), row(2, **against), row(3, **against, user="u-2"), held_out),
        [],
    )
    assert found.overrides.count == 3
    assert found.overrides.by_user == [Tally("u-1", 2), Tally("u-2", 1)]
    assert found.overrides.by_reason == [Tally("founder", 3)]
    assert found.overrides.turned == Turned(churned=1, unknown=2)


def test_who_was_held_out_tells_what_would_have_become_of_those_who_were_declined() -> None:
    people = [("a", "churned"), ("b", "churned"), ("c", "stayed"), ("d", None), ("e", "won")]
    held_out = summary([], people).held_out  # type: ignore[arg-type]
    assert (held_out.people, held_out.known, held_out.churned, held_out.share) == (5, 3, 2, 0.6667)
    assert summary([], []).held_out == HeldOut(0, 0, 0, None, None, None)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (2, 3), (17, 40), (40, 40)])
def test_the_interval_is_that_of_another_library(hits: int, n: int) -> None:
    theirs = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((theirs.low, theirs.high), abs=1e-4)
