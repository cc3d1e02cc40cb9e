"""A picture of every feature's effect."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from training.bins import Bins
from training.report.blocks import Section, Table, figure, heading, note, paragraph, plotted, side_by_side, table
from training.report.effects import LEAST_SHARE, Effect, effects, number_row, segments_of, value_rows
from training.report.findings import Findings
from training.report.markup import join
from training.report.pairs import pair_tables
from training.report.plots import Plot, Row, Series, rows
from training.report.voice import Voice

MOST_PICTURES = 40
"""Features that get a picture; the others get a row, so that the file stays small and the reader awake."""

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


def write(findings: Findings, say: Voice) -> Section:
    """A picture per feature, the rest in rows."""
    every = effects(findings)
    used = [effect for effect in every if not effect.flat]
    shown, others = used[:MOST_PICTURES], used[MOST_PICTURES:]
    unused = [effect.feature.title(say.lang) for effect in every if effect.flat]
    first, last = segments_of(findings.tables)
    parts: list[Markup] = [
        paragraph(
            say(
                "The model adds up one effect per feature. Each picture shows how a feature multiplies a customer's odds of "
                "leaving in any one "
                f"{say.period}, all else equal: ×1 is the average customer of the book, ×2 twice the odds. Features come in "
                "the order of their worth.",
                "このモデルは特徴量ごとの効果を足し合わせたものです。各図は、ほかの条件が同じとき、その特徴量が"
                "1期間あたりの解約オッズを何倍にするかを示します。×1は台帳の平均的な顧客、×2はオッズが2倍であることを"
                "表します。並び順は特徴量の貢献度の順です。",
            )
        ),
        note(
            say(
                "An effect says what goes together in history, not what would happen if the feature were changed.",
                "効果は過去のデータでの関連を示すもので、その特徴量を変えたときに起こることを示すものではありません。",
            )
        ),
        side_by_side(*(_picture(effect, findings, say, first, last) for effect in shown)),
    ]
    if unused:
        names = say(", ", "、").join(unused)
        parts.append(
            paragraph(say(f"Without effect in this model: {names}.", f"このモデルで効果のない特徴量：{names}。"))
        )
    if others:
        parts.append(_others(others, say))
    return Section(
        "effects", say("What each feature does", "各特徴量の効果"), join([*parts, *pair_tables(findings, say)])
    )


def _picture(effect: Effect, findings: Findings, say: Voice, first: int, last: int) -> Markup:
    bins = findings.tables.bins[effect.position]
    remark = _over_time(effect, bins, say, first, last)
    if effect.feature.kind == "number":
        return _curve(effect, findings, say, remark, (first, last))
    lines = [_Line(name, float(effect.share[row]), row) for name, row in value_rows(effect.feature, bins, say)]
    lines.sort(key=lambda line: -effect.factor[line.row])
    kept = {line.row for line in sorted(lines, key=lambda line: -line.share)[:MOST_BARS]}
    bars = [
        Row(
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
    left = len(lines) - len(bars)
    if left:
        remark += say(
            f" The {len(bars)} most frequent of {len(lines)} values are drawn.",
            f"全{len(lines)}件の値のうち多い順に{len(bars)}件を図示しています。",
        )
    title = effect.feature.title(say.lang)
    told = f"{title}: " + say(", ", "、").join(f"{row.label} {row.spelt}" for row in bars[:6])
    picture = rows(told, bars, 1.0, say.factor, log=True, include=COMMON)
    return figure(title, picture, _data(effect, lines, say, (first, last)), say, remark=remark)


def _curve(effect: Effect, findings: Findings, say: Voice, remark: str, time: tuple[int, int]) -> Markup:
    """The effect of a number as steps, over a rug of where the book's customers are."""
    title, bins = effect.feature.title(say.lang), findings.tables.bins[effect.position]
    values = findings.x[:, effect.position].astype(np.float64)
    values = values[np.isfinite(values)]
    edges = bins.edges.astype(np.float64)
    if not len(values):
        return figure(
            title, rows(title, [], 1.0, say.factor, log=True), _data(effect, [], say, time), say, remark=remark
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
    unit = f" ({effect.feature.unit})" if effect.feature.unit else ""
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


def _others(others: Sequence[Effect], say: Voice) -> Markup:
    rows_ = [
        [
            effect.feature.title(say.lang),
            say.times(effect.factor[effect.share > 0].min(initial=1.0)),
            say.times(effect.factor[effect.share > 0].max(initial=1.0)),
        ]
        for effect in others
    ]
    shown = Table(
        caption=say("Features of less worth", "貢献度が比較的低い特徴量"),
        head=[say("Feature", "特徴量"), say("Least odds", "最小のオッズ"), say("Greatest odds", "最大のオッズ")],
        rows=rows_,
    )
    return join([heading(shown.caption), table(shown)])


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
