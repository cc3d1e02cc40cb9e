"""Plots: SVG that takes its colours from the page and its words from the caller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
from markupsafe import Markup

from training.report.axes import Axis, bounds
from training.report.markup import join, tag
from training.report.paper import EM, WIDTH, Spell, Style, shortened, word

HEIGHT = 240.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 12.0, 26.0, 40.0


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points (x, y) that are joined by a line, by steps (each y holds up to its x), or not at all.

    `low` and `high` are the ends of an interval per point: a band around a line, whiskers on single points.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    style: Style = "a"
    shape: Literal["line", "steps", "points"] = "line"
    low: Sequence[float] = ()
    high: Sequence[float] = ()


class Mark(msgspec.Struct, frozen=True):
    """A line across the plot at a figure of one axis, with a word on it."""

    axis: Literal["x", "y"]
    at: float
    label: str = ""


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What a plot shows. `told` is its text alternative.

    rug: bars along the bottom, each from, to, and its share of the highest.
    """

    told: str
    series: Sequence[Series]
    x_label: str
    y_label: str
    spell_x: Spell
    spell_y: Spell
    include_x: Sequence[float] = ()
    include_y: Sequence[float] = ()
    log_x: bool = False
    log_y: bool = False
    marks: Sequence[Mark] = ()
    rug: Sequence[tuple[float, float, float]] = ()


def plot(shown: Plot) -> Markup:
    """Lines, steps and points over two axes."""
    x_figures = [v for s in shown.series for v in s.x] + [v for start, end, _ in shown.rug for v in (start, end)]
    y_figures = [v for s in shown.series for v in (*s.y, *s.low, *s.high)]
    x = Axis(*_tight(x_figures, shown.include_x), LEFT, WIDTH - RIGHT, shown.log_x)
    y = Axis(*bounds(y_figures, include=shown.include_y, log=shown.log_y), HEIGHT - BOTTOM, TOP, shown.log_y)
    return tag(
        "svg",
        *_grid(shown, x, y),
        *(tag("rect", class_="rug", **_box(x(a), x(b), 22 * share)) for a, b, share in shown.rug if share > 0),
        *(_mark(mark, x, y) for mark in shown.marks),
        *(_series(each, x, y) for each in shown.series),
        role="img",
        aria_label=shown.told,
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
    )


def swatch(series: Series) -> Markup:
    """A piece of a series for the legend."""
    drawn = (
        tag("circle", class_=f"dot {series.style}", cx=12, cy=6, r=3.5)
        if series.shape == "points"
        else tag("path", class_=f"line {series.style}", d="M1 6H23")
    )
    return tag("svg", drawn, viewBox="0 0 24 12", class_="swatch", aria_hidden="true")


def _tight(figures: list[float], include: Sequence[float]) -> tuple[float, float]:
    values = [v for v in (*figures, *include) if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _grid(shown: Plot, x: Axis, y: Axis) -> list[Markup]:
    bottom = HEIGHT - BOTTOM
    parts = []
    for tick in y.ticks:
        parts += [
            tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick)),
            word(shown.spell_y(tick), LEFT - 6, y(tick) + 4, anchor="end"),
        ]
    free = LEFT - 20
    for tick in x.ticks:
        spelt = shown.spell_x(tick)
        half = EM * 0.34 * len(spelt)
        if x(tick) - half < free:
            continue
        at = min(x(tick), WIDTH - half)
        free = at + half + 8
        parts.append(word(spelt, at, bottom + 16, anchor="middle"))
    parts += [
        tag("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom),
        word(shown.y_label, 0.0, 12.0),
        word(shortened(shown.x_label, WIDTH - LEFT - RIGHT), (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, anchor="middle"),
    ]
    return parts


def _mark(mark: Mark, x: Axis, y: Axis) -> Markup:
    if mark.axis == "y":
        at = y(mark.at)
        line = tag("line", class_="mark", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at)
        label = word(mark.label, WIDTH - RIGHT - 2, at - 5, anchor="end") if mark.label else None
    else:
        at = x(mark.at)
        line = tag("line", class_="mark", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM)
        left = at < (LEFT + WIDTH) / 2
        label = word(mark.label, at + (4 if left else -4), TOP + 10, anchor="start" if left else "end")
    return join([line, label])


def _series(series: Series, x: Axis, y: Axis) -> Markup:
    points = [
        (x(a), y(b)) if math.isfinite(a) and math.isfinite(b) else None for a, b in zip(series.x, series.y, strict=True)
    ]
    if series.shape == "points":
        whiskers = [
            tag("line", class_=f"whisker {series.style}", x1=x(a), x2=x(a), y1=y(low), y2=y(high))
            for a, low, high in zip(series.x, series.low, series.high, strict=False)
            if math.isfinite(low) and math.isfinite(high)
        ]
        dots = [tag("circle", class_=f"dot {series.style}", cx=p[0], cy=p[1], r=3.5) for p in points if p]
        return join([*whiskers, *dots])
    stepped = series.shape == "steps"
    band = None
    if series.low:
        upper = _path([(x(a), y(b)) for a, b in zip(series.x, series.high, strict=True) if math.isfinite(b)], stepped)
        lower = [(x(a), y(b)) for a, b in zip(series.x, series.low, strict=True) if math.isfinite(b)]
        back = _path(lower[::-1], stepped, backwards=True).replace("M", "L", 1)
        band = tag("path", class_=f"band {series.style}", d=upper + back + "Z") if lower else None
    return join([band, tag("path", class_=f"line {series.style}", d=_path(points, stepped))])


def _path(points: Sequence[tuple[float, float] | None], stepped: bool, *, backwards: bool = False) -> str:  # noqa: FBT001
    """The way through the points; a None lifts the pen. In steps each height holds from the point before."""
    drawn, pen = [], False
    for point in points:
        if point is None:
            pen = False
            continue
        across, up = f"{point[0]:g}", f"{point[1]:g}"
        if not pen:
            drawn.append(f"M{across} {up}")
        elif not stepped:
            drawn.append(f"L{across} {up}")
        else:
            drawn.append(f"H{across}V{up}" if backwards else f"V{up}H{across}")
        pen = True
    return "".join(drawn)


def _box(start: float, end: float, height: float) -> dict[str, float]:
    return {
        "x": start,
        "y": HEIGHT - BOTTOM - height,
        "width": max(end - start - 0.5, 0.8),
        "height": height,
    }
