"""Plots keep what they draw on the paper, and mark their axes at round figures."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from training.report.axes import Axis, bounds
from training.report.bars import Bar, bars
from training.report.markup import join, tag
from training.report.paper import WIDTH, shortened
from training.report.plots import HEIGHT, Plot, Series, plot

figures = st.floats(-1e9, 1e9).map(lambda x: round(x, 6))


@given(st.lists(figures, min_size=1, max_size=20))
def test_an_axis_is_marked_within_its_ends(values: list[float]) -> None:
    axis = Axis(*bounds(values), 0, 100)
    assert all(axis.low <= v <= axis.high for v in values)
    assert 2 <= len(axis.ticks) <= 8
    assert all(axis.low - 1e-6 * abs(axis.low) <= t <= axis.high + 1e-6 * abs(axis.high) for t in axis.ticks)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=20))
def test_an_axis_of_ratios_puts_equal_ratios_equally_far_apart(values: list[float]) -> None:
    axis = Axis(*bounds(values, include=(0.5, 2.0), log=True), 0, 1000, log=True)
    assert axis(1.0) - axis(0.5) == pytest.approx(axis(2.0) - axis(1.0), abs=0.2)
    assert axis.ticks


@given(st.lists(st.tuples(figures, figures | st.just(float("nan"))), min_size=1, max_size=30))
def test_a_series_stays_on_the_paper(points: list[tuple[float, float]]) -> None:
    x, y = zip(*sorted(points), strict=True)
    shown = Plot(
        told="made up",
        series=[Series(label="", x=x, y=y), Series(label="", x=x, y=y, shape="steps")],
        x_label="x",
        y_label="y",
        spell_x=str,
        spell_y=str,
    )
    for path in re.findall(r'<path class="line a" d="([^"]*)"', plot(shown)):
        for command, across, up in re.findall(r"([MLHV])([-\d.]+)(?: ([-\d.]+))?", path):
            horizontal = across if command != "V" else "0"
            vertical = up or (across if command == "V" else "0")
            assert 0 <= float(horizontal) <= WIDTH
            assert 0 <= float(vertical) <= HEIGHT


def test_a_bar_without_a_figure_is_drawn_at_the_origin() -> None:
    drawn = bars("made up", [Bar("a", float("nan"), "unknown"), Bar("b", 2.0, "2")], 0.0, str)
    assert "nan" not in drawn


def test_a_long_name_is_shortened_by_the_room_it_takes() -> None:
    assert shortened("short", 100) == "short"
    assert shortened("とても長い名前" * 10, 100).endswith("…")
    assert len(shortened("あ" * 50, 120)) < len(shortened("a" * 50, 120))


@given(st.text())
def test_whatever_is_written_comes_out_as_text(text: str) -> None:
    drawn = tag("p", text, title=text)
    assert drawn.count("<") == 2
    assert Markup.escape(text) in drawn
    assert join([text]) == Markup.escape(text)
