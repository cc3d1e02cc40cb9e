"""What the card shows adds up, says no more than the answer, and speaks both languages."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from models.assess import BANDS
from models.policy import ACTIONS
from models.value import CAUSES, PERIODS_PER_YEAR
from service import texts
from service.answers import Answer
from service.popup.view import Card, card_of, kind_of, whole_points
from service.popup.words import BUTTONS, WORDS, horizon
from service.settings import LANGUAGES, Language

Client = TestClient[Litestar]
KNOWN = {"contract": "Month-to-month", "monthly_charges": 40, "paperless": True, "seats": 300}


def answers(client: Client, features: list[dict[str, Any]], query: str = "") -> list[Answer]:
    prospects = [{"prospect_id": f"L-{at}", "features": each} for at, each in enumerate(features)]
    results = client.post(f"/v1/score/batch{query}", json={"prospects": prospects}).json()["results"]
    return [msgspec.convert(each, Answer) for each in results]


def card(client: Client, features: dict[str, Any], lang: Language = "en", **changes: Any) -> Card:
    [answer] = answers(client, [features], f"?lang={lang}")
    return card_of(msgspec.structs.replace(answer, **changes), lang, str.upper)


def made_up(seed: int) -> Iterator[dict[str, Any]]:
    drawn = random.Random(seed)  # noqa: S311 - made-up prospects
    while True:
        features = {
            "contract": drawn.choice(["Month-to-month", "One year", "Two year"]),
            "monthly_charges": drawn.uniform(1, 250),
            "paperless": drawn.random() < 0.5,
            "seats": drawn.randrange(1, 600),
        }
        yield {name: value for name, value in features.items() if drawn.random() < 0.8}


@pytest.mark.parametrize("query", ["", "?reasons=all"])
def test_the_bars_of_every_real_answer_add_up_to_the_percent_shown(client: Client, query: str) -> None:
    for answer in answers(client, list(itertools.islice(made_up(7), 1000)), query):
        shown = card_of(answer, "en", str)
        if shown.kind == "unknown":
            assert shown.bars == []
            continue
        base, *steps, total = shown.bars
        assert answer.risk is not None
        points = [int(step.text.replace("\N{MINUS SIGN}", "-")) for step in steps]
        assert answer.risk is not None
        assert int(base.text.rstrip("%")) + sum(points) == answer.risk.percent == int(total.text.rstrip("%"))
        assert all(abs(a - b.points) <= 1 for a, b in zip(points, answer.reasons, strict=False))
        end = base.start + base.width
        for step in steps:
            begin, end = (end, end + step.width) if step.kind == "up" else (end, end - step.width)
            assert step.start == pytest.approx(min(begin, end), abs=0.05)
        assert total.start + total.width == pytest.approx(end, abs=0.05)
        assert all(each.start >= -0.01 and each.start + each.width <= 100.01 for each in shown.bars)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.lists(st.floats(-60, 60), min_size=1, max_size=30), st.floats(-0.99, 0.99))
def test_whole_points_add_up_and_are_shares_rounded_up_or_down(shares: list[float], off: float) -> None:
    total = round(sum(shares) + off / 2)
    points = whole_points(shares, total)
    assert sum(points) == total
    assert all(
        math.floor(share) - 1 <= point <= math.floor(share) + 1 for point, share in zip(points, shares, strict=True)
    )


def test_the_larger_remainder_is_rounded_up() -> None:
    assert whole_points([20.4, 5.7, -3.6], 23) == [20, 6, -3]
    assert whole_points([0.5, 0.5], 1) == [1, 0]
    assert whole_points([7.0, 7.0], 13) == [7, 6]


def test_a_warning_says_risk_interval_money_and_why(client: Client) -> None:
    shown = card(client, KNOWN)
    assert (shown.kind, shown.title, shown.score) == ("warning", "Mismatch detected", "Risk Score: Medium (55%)")
    assert shown.about == "Risk of leaving within 12 months · 80% interval: 44 to 66%"
    assert (shown.ltv_minus, shown.why_minus) == ("LTV-minus", "65% chance that it never pays back")
    assert shown.message.startswith("Based on historical churn patterns")
    assert [bar.label for bar in shown.bars] == [
        "Average customer",
        "Contract: Month-to-month",
        "seats: 300",
        "monthly charges: 40",
        "Everything else",
        "This prospect",
    ]
    assert shown.words["proceeded"] == "Proceed anyway"


def test_a_negative_margin_is_named_where_it_is_the_cause(client: Client) -> None:
    shown = card(client, {**KNOWN, "monthly_charges": 12}, "ja")
    assert (shown.ltv_minus, shown.why_minus) == ("LTVマイナス", "現在の条件では粗利がマイナスです")
    assert shown.score == "リスクスコア：中（49%）"  # noqa: RUF001


def test_what_is_missing_unknown_or_beyond_is_named(client: Client) -> None:
    notes = card(client, {"contract": "Weekly", "seats": 9000}).notes
    assert notes[:3] == [
        "Not known: MONTHLY CHARGES, PAPERLESS",
        "A value never seen before: CONTRACT",
        "Outside what was ever seen: SEATS",
    ]
    many = card(client, KNOWN, missing=[f"f_{number}" for number in range(9)], capped=True)
    assert many.notes == [
        "Not known: F 0, F 1, F 2, F 3, F 4, and 4 more",
        "There is too little evidence for more than a review.",
    ]


def test_without_features_nothing_is_measured(client: Client) -> None:
    shown = card(client, {})
    assert (shown.kind, shown.title) == ("unknown", "Not enough information")
    assert (shown.scale, shown.about, shown.bars) == (None, None, [])


def test_a_store_that_is_away_is_said_and_what_was_sent_still_counts(client: Client) -> None:
    shown = card(client, KNOWN, degraded=True, degraded_because="store_unavailable", action="review")
    assert (shown.kind, shown.notes) == ("review", ["What is on record cannot be reached just now."])
    assert card(client, {}, degraded=True, degraded_because="store_unavailable").kind == "unknown"


def test_without_bootstrap_and_money_neither_is_shown(client: Client) -> None:
    [answer] = answers(client, [KNOWN])
    assert answer.risk is not None
    risk = msgspec.structs.replace(answer.risk, low=None, high=None)
    shown = card(client, {"seats": 3}, risk=risk)
    assert shown.scale is not None
    assert (shown.scale.low, shown.about, shown.net) == (None, "Risk of leaving within 12 months", None)


def test_actions_have_their_kinds(client: Client) -> None:
    [answer] = answers(client, [KNOWN])
    assert [
        kind_of(msgspec.structs.replace(answer, action=action)) for action in ("do_not_chase", "review", "proceed")
    ] == [
        "warning",
        "review",
        "clear",
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_score_is_what_stands_before_the_first_full_stop(client: Client, lang: Language) -> None:
    for action, band, cause in itertools.product(ACTIONS, BANDS, (*CAUSES, None)):
        found = texts.finding(action, band, cause=cause, nothing_known=False)
        message = texts.message(found, band, 45, texts.span_of(12, "month", lang), lang)
        shown = card(client, KNOWN, lang, message=message)
        assert shown.score is not None
        assert "45%" in shown.score
        assert len(shown.score) < 30
        assert shown.message


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    assert BUTTONS["en"].keys() == BUTTONS["ja"].keys()
    for period in PERIODS_PER_YEAR:
        assert horizon(1, period, "en") == f"Risk of leaving within 1 {period}"  # type: ignore[arg-type]
        assert "3" in horizon(3, period, "ja")  # type: ignore[arg-type]
