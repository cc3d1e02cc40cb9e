"""Bars: one figure a row, with its interval, under its name."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from training.report.axes import Axis, bounds
from training.report.markup import join, tag
from training.report.paper import EM, WIDTH, Spell, Style, shortened, word


class Bar(msgspec.Struct, frozen=True):
    """One bar: a label, a figure with an interval, and how it is spelt. `style` as of a series."""

    label: str
    value: float
    spelt: str
    low: float = math.nan
    high: float = math.nan
    style: Style = "a"


def bars(
    told: str, shown: Sequence[Bar], origin: float, spell: Spell, *, log: bool = False, include: Sequence[float] = ()
) -> Markup:
    """One bar a row from `origin`, below its label and figure, so that a long name takes no room from the bars."""
    each, top = 38.0, 4.0
    height = top + each * len(shown) + 22
    figures = [v for row in shown for v in (row.value, row.low, row.high)]
    low, high = bounds(figures, include=[origin, *include], log=log)
    axis = Axis(low, high, 6.0, WIDTH - 6, log)
    base = top + each * len(shown)
    parts: list[Markup] = []
    starts = [top + each * position + 17 for position in range(len(shown))]
    beside = [f"M{axis(tick):g} {start:g}v13" for tick in axis.ticks for start in starts]  # not through the words
    parts.append(tag("path", class_="grid", d="".join(beside)))
    parts.append(tag("path", class_="origin", d="".join(f"M{axis(origin):g} {start:g}v13" for start in starts)))
    parts += [word(spell(tick), axis(tick), base + 14, anchor="middle") for tick in axis.ticks]
    for position, row in enumerate(shown):
        parts.append(_bar(row, axis, origin, top + each * position))
    return tag("svg", *parts, role="img", aria_label=told, viewBox=f"0 0 {WIDTH:g} {height:g}")


def _bar(row: Bar, axis: Axis, origin: float, top: float) -> Markup:
    value = row.value if math.isfinite(row.value) else origin
    start, end = sorted((axis(origin), axis(value)))
    room = WIDTH - 18 - 0.6 * EM * len(row.spelt)
    parts: list[Markup] = [
        word(shortened(row.label, room), 6, top + 13, strong=True),
        word(row.spelt, WIDTH - 6, top + 13, anchor="end"),
        tag("rect", class_=f"bar {row.style}", x=start, y=top + 19, width=max(end - start, 1.5), height=9, rx=1.5),
    ]
    if math.isfinite(row.low) and math.isfinite(row.high):
        middle = top + 23.5
        parts.append(tag("line", class_="interval", x1=axis(row.low), x2=axis(row.high), y1=middle, y2=middle))
    return join(parts)
