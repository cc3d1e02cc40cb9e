"""What a rep reads follows from band, action and evidence, and claims no more."""

from __future__ import annotations

import itertools
import re
from typing import get_args

import pytest

from models.assess import BANDS, Band
from models.policy import ACTIONS, Action
from models.value import CAUSES, PERIODS_PER_YEAR, Cause
from service import texts
from service.bars import Bar
from service.errors import BadInput
from service.settings import LANGUAGES, Language


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_outcome_has_a_title_and_a_message(lang: Language) -> None:
    for action, band, cause, nothing in itertools.product(ACTIONS, BANDS, (*CAUSES, None), (True, False)):
        found = texts.finding(action, band, cause=cause, nothing_known=nothing)
        assert texts.title(found, lang)
        message = texts.message(found, band, 45, texts.span_of(12, "month", lang), lang)
        assert "45%" in message
        assert "{" not in message


@pytest.mark.parametrize(
    ("action", "band", "cause", "nothing_known", "expected"),
    [
        ("do_not_chase", "high", "margin_negative", False, "mismatch"),
        ("review", "high", None, False, "mismatch"),
        ("do_not_chase", "medium", "leaves_early", False, "mismatch"),
        ("do_not_chase", "medium", "margin_negative", False, "loss"),
        ("do_not_chase", "low", "leaves_early", False, "loss"),
        ("do_not_chase", "low", None, False, "policy"),
        ("review", "medium", None, False, "review"),
        ("proceed", "low", None, False, "clear"),
        ("review", "high", "leaves_early", True, "nothing_known"),
    ],
)
def test_a_mismatch_is_who_leaves_early_and_a_loss_who_costs_too_much(
    action: Action, band: Band, cause: Cause | None, *, nothing_known: bool, expected: str
) -> None:
    assert texts.finding(action, band, cause=cause, nothing_known=nothing_known) == expected


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("why", get_args(Bar))
def test_who_is_not_scored_has_a_title_and_a_message_without_a_number(why: Bar, lang: Language) -> None:
    assert texts.title(why, lang)
    assert not re.search(r"[0-9{%]", texts.not_scored(why, lang))


def test_the_message_of_the_design_comes_out_to_the_letter() -> None:
    assert texts.message("mismatch", "high", 85, "12 months", "en") == (
        "Risk Score: High (85%). Based on historical churn patterns, "
        "this prospect has a low probability of long-term retention."
    )
    assert texts.message("mismatch", "high", 85, "12か月", "ja") == (
        "リスクスコア：高（85%）。過去の解約傾向から、この見込み客が長く続く可能性は低いと予測されます。"  # noqa: RUF001
    )


def test_spans_are_spelled_for_one_and_for_many() -> None:
    assert texts.span_of(1, "month", "en") == "month"
    assert texts.span_of(12, "month", "en") == "12 months"
    for period in PERIODS_PER_YEAR:
        assert texts.span_of(3, period, "ja").startswith("3")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        (None, None, "en"),
        ("ja", "en", "ja"),
        (None, "ja-JP,ja;q=0.9,en-US;q=0.8", "ja"),
        (None, "en;q=0.2, ja;q=0.7", "ja"),
        (None, "ja;q=0", "en"),
        (None, "fr, de", "en"),
        (None, "*", "en"),
        (None, ";;;q=x,,", "en"),
        (None, "ja" + ",x" * 10_000, "ja"),
    ],
)
def test_language_follows_the_query_then_the_header_then_the_default(
    query: str | None, header: str | None, expected: str
) -> None:
    assert texts.language(query, header, "en") == expected


def test_a_language_that_we_do_not_have_is_refused() -> None:
    with pytest.raises(BadInput):
        texts.language("fr", None, "en")
