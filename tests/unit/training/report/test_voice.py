"""Figures are spelt as people of the language spell them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report.voice import LANGUAGES, NONE, Voice

EN, JA = Voice("en", "USD", "month"), Voice("ja", "JPY", "month")


@pytest.mark.parametrize(
    ("amount", "en", "ja"),
    [
        (0.0, "$0.00", "0円"),
        (-37.6, "\u2212$37.60", "\u221238円"),
        (1240.4, "$1,240", "1,240円"),
        (-0.001, "$0.00", "0円"),
        (54_800_000.0, "$54.8M", "5,480万円"),
        (-5_479_826_209.0, "\u2212$5.48bn", "\u221254.8億円"),
        (None, "\u2013", "\u2013"),
        (math.nan, "\u2013", "\u2013"),
    ],
)
def test_money_carries_its_currency(amount: float | None, en: str, ja: str) -> None:
    assert EN.money(amount) == en
    assert JA.money(amount) == ja


def test_a_currency_without_a_sign_is_named() -> None:
    assert Voice("en", "CHF", "month").money(12.5) == "CHF\u00a012.50"


@pytest.mark.parametrize(
    ("figure", "spelt"),
    [(0.8451, "0.845"), (1234.5, "1,234"), (-0.0123, "\u22120.0123"), (0, "0"), (math.inf, "∞"), (math.nan, "\u2013")],
)
def test_a_number_keeps_three_digits(figure: float, spelt: str) -> None:
    assert EN.number(figure) == spelt


def test_a_range_without_ends_is_one_dash() -> None:
    assert EN.interval(EN.number(None), EN.number(None)) == NONE
    assert EN.interval("20%", "24%") == "20% to 24%"


def test_time_is_counted_in_the_books_period() -> None:
    assert (EN.span(1), EN.span(12), EN.at(3)) == ("1 month", "12 months", "month 3")
    assert (JA.span(12), JA.at(3)) == ("12か月", "3か月目")
    assert Voice("ja", "JPY", "week").span(4) == "4週間"


@given(st.floats(-1e15, 1e15) | st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from(LANGUAGES))
def test_every_figure_can_be_spelt(figure: float, lang: str) -> None:
    say = Voice(lang, "USD", "day")  # type: ignore[arg-type]
    for spelt in (say.number(figure), say.percent(figure), say.money(figure)):
        assert spelt
        assert "-" not in spelt
        assert "nan" not in spelt
        assert "inf" not in spelt
