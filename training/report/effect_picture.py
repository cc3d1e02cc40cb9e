"""The picture of one feature: bars for its categories, steps for a number, and the figures behind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from training.model.bins import Bins
from training.report.bars import Bar, bars
from training.report.blocks import Table, figure, plotted
from training.report.effects import LEAST_SHARE, Effect, number_row, segments_of, value_rows
from training.report.findings import Findings
from training.report.plots import Plot, Series
from training.report.voice import Voice

MOST_BARS = 16
"""Categories in a picture, those with the most customers; all are in its table."""

RUG_BARS = 30

COMMON = (0.5, 2.0)
"""Factors that every picture shows, so that a small effect looks small."""

SKEWED = 8.0
"""A number whose 99th percentile is so many times its median is drawn by its ratios."""


class _Line(NamedTuple):
    """One row of the table behind a picture."""

    name: str
    share: float
    row: int


def picture_of(effect: Effect, findings: Findings, say: Voice) -> Markup:
    """A figure with a picture of the effect and a table."""
    first, last = segments_of(findings.tables)
    bins = findings.tables.bins[effect.position]
    remark = _over_time(effect, bins, say, first, last)
    if effect.feature.kind == "number":
        return _curve(effect, findings, say, remark, (first, last))
    lines = [_Line(name, float(effect.share[row]), row) for name, row in value_rows(effect.feature, bins, say)]
    lines.sort(key=lambda line: -effect.factor[line.row])
    kept = {line.row for line in sorted(lines, key=lambda line: -line.share)[:MOST_BARS]}
    drawn = [
        Bar(
            f"{line.name} · {say.percent(line.share)}",
            float(effect.factor[line.row]),
            say.times(effect.factor[line.row]),
            low=np.nan if effect.low is None else float(effect.low[line.row]),
            high=np.nan if effect.high is None else float(effect.high[line.row]),
            style="b" if effect.factor[line.row] > 1 else "a",
        )
        for line in lines
        if line.row in kept
    ]
    left = len(lines) - len(drawn)
    if left:
        remark += say(
            f" The {len(drawn)} most frequent of {len(lines)} values are drawn.",
            f"全{len(lines)}件の値のうち多い順に{len(drawn)}件を図示しています。",
        )
    title = effect.feature.title(say.lang)
    told = f"{title}: " + say(", ", "、").join(f"{row.label} {row.spelt}" for row in drawn[:6])
    picture = bars(told, drawn, 1.0, say.factor, log=True, include=COMMON)
    return figure(title, picture, _data(effect, lines, say, (first, last)), say, remark=remark)


def _curve(effect: Effect, findings: Findings, say: Voice, remark: str, time: tuple[int, int]) -> Markup:
    """The effect of a number as steps, over a rug of where the book's customers are."""
    title, bins = effect.feature.title(say.lang), findings.tables.bins[effect.position]
    values = findings.x[:, effect.position].astype(np.float64)
    values = values[np.isfinite(values)]
    edges = bins.edges.astype(np.float64)
    if not len(values):
        return figure(
            title, bars(title, [], 1.0, say.factor, log=True), _data(effect, [], say, time), say, remark=remark
        )
    low, middle, high = np.quantile(values, [0.01, 0.5, 0.99])
    log = bool(values.min() > 0 and high > SKEWED * middle)
    if low == high:
        low, high = float(values.min()), float(values.max())
    inside = edges[(edges > low) & (edges < high)]
    stops = [low, *inside, high]
    at = bins.rows(np.array([(a + b) / 2 for a, b in pairwise(stops)], dtype=np.float32))
    steps = [int(at[0]), *(int(row) for row in at)]
    changing = effect.changes

    def line(label: str, figures: Sequence[float], style: str, *, band: bool = False) -> Series:
        return Series(
            label=label,
            x=stops,
            y=[float(figures[row]) for row in steps],
            style=style,  # type: ignore[arg-type]
            shape="steps",
            low=[float(effect.low[row]) for row in steps] if band and effect.low is not None else (),
            high=[float(effect.high[row]) for row in steps] if band and effect.high is not None else (),
        )

    series = [line(say("average over the horizon", "期間全体の平均"), effect.factor.tolist(), "a", band=True)]
    if changing:
        series.append(line(_early(say, time[0]), effect.early.tolist(), "b"))
        series.append(line(_late(say, time[1]), effect.late.tolist(), "c"))
    told = effect.feature.part is not None  # the title of a date's part tells its unit
    unit = f" ({effect.feature.unit})" if effect.feature.unit and not told else ""
    span = say(
        f"from {say.short(round(low, 2))} to {say.short(round(high, 2))}",
        f"{say.short(round(low, 2))}から{say.short(round(high, 2))}まで",
    )
    shown = Plot(
        told=f"{title}, {span}: "
        + say.interval(say.times(effect.factor[steps].min()), say.times(effect.factor[steps].max())),
        series=series,
        x_label=title + unit,
        y_label=say("odds", "オッズ"),
        spell_x=say.short,
        spell_y=say.factor,
        include_y=COMMON,
        log_x=log,
        log_y=True,
        rug=_rug(values, low, high, log=log),
    )
    missing = float(effect.share[0])
    if bins.learned[0] and missing > 0:
        remark += say(
            f" Missing for {say.percent(missing)} of the book: {say.times(effect.factor[0])}.",
            f"台帳の{say.percent(missing)}では欠損しており、その場合は{say.times(effect.factor[0])}です。",
        )
    lines = [_Line(number_row(bins, 1 + k, say), float(effect.share[1 + k]), 1 + k) for k in range(len(edges) + 1)]
    if bins.learned[0]:
        lines.append(_Line(say("(missing)", "（欠損）"), missing, 0))
    return plotted(title, shown, _data(effect, lines, say, time), say, remark=remark)


def _data(effect: Effect, lines: Sequence[_Line], say: Voice, time: tuple[int, int]) -> Table:
    """The figures behind a picture, the most frequent values of a category first."""
    if effect.feature.kind != "number":
        lines = sorted(lines, key=lambda line: -line.share)
    interval = effect.low is not None and effect.high is not None
    return Table(
        caption=effect.feature.title(say.lang),
        head=[
            say("Value", "値"),
            say("Share of the book", "台帳に占める割合"),
            say("Odds, average", "オッズ（平均）"),
            *([say("80% interval", "80%区間")] if interval else []),
            _early(say, time[0]),
            _late(say, time[1]),
        ],
        rows=[
            [
                line.name,
                say.percent(line.share, 1),
                say.times(effect.factor[line.row]),
                *(
                    [say.interval(say.times(effect.low[line.row]), say.times(effect.high[line.row]))]
                    if effect.low is not None and effect.high is not None
                    else []
                ),
                say.times(effect.early[line.row]),
                say.times(effect.late[line.row]),
            ]
            for line in lines
        ],
    )


def _over_time(effect: Effect, bins: Bins, say: Voice, first: int, last: int) -> str:
    """A sentence on how the effect changes, for a category about the frequent value for which it changes most."""
    if not effect.changes:
        return say("Much the same however long a customer has been here.", "契約期間の長さによる変化はわずかです。")
    rows_ = [each for each in value_rows(effect.feature, bins, say) if effect.share[each[1]] >= LEAST_SHARE]
    if effect.feature.kind == "number" or not rows_:
        return say(
            f"Changes with time: compare up to {say.at(first)} with the time from {say.at(last)}.",
            f"時間とともに変わります。{_early(say, first)}と{_late(say, last)}を比べてください。",
        )
    name, row = max(rows_, key=lambda each: abs(np.log(effect.early[each[1]] / effect.late[each[1]])))
    early, late = say.times(effect.early[row]), say.times(effect.late[row])
    return say(
        f"Changes with time: {name} is {early} up to {say.at(first)} and {late} from {say.at(last)}.",
        f"時間とともに変わります。{name}は{_early(say, first)}{early}、{_late(say, last)}{late}です。",
    )


def _early(say: Voice, first: int) -> str:
    return say(f"up to {say.at(first)}", f"{say.at(first)}まで")


def _late(say: Voice, last: int) -> str:
    return say(f"from {say.at(last)}", f"{say.at(last)}以降")


def _rug(values: np.ndarray, low: float, high: float, *, log: bool) -> list[tuple[float, float, float]]:
    cuts = np.geomspace(low, high, RUG_BARS + 1) if log else np.linspace(low, high, RUG_BARS + 1)
    counts, _ = np.histogram(values, cuts)
    most = max(int(counts.max()), 1)
    return [(a, b, c / most) for a, b, c in zip(cuts[:-1], cuts[1:], counts, strict=True)]
