"""How long customers stay: all of them, and by segment."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from training.economics.segments import Segment, SegmentTable
from training.reading.lifetimes import kaplan_meier
from training.report.blocks import Section, Table, heading, paragraph, plotted, side_by_side
from training.report.findings import Findings
from training.report.markup import join
from training.report.plots import Mark, Plot, Series
from training.report.voice import Voice

MOST_GROUPS = 4
"""Groups of a segment that get a picture."""

TOLD = 12
"""Periods that the table behind a curve tells of."""


def write(findings: Findings, say: Voice) -> Section:
    """Curves of all customers and of every segment."""
    intro = paragraph(
        say(
            "The share of customers still here, period by period: what happened (Kaplan-Meier, with its 95% interval) and "
            "what the model says.",
            "契約を続けている顧客の割合の推移です。実績（カプラン・マイヤー推定と95%区間）とモデルの予測を並べています。",
        )
    )
    parts = [intro, _everybody(findings, say)]
    for segment in findings.economics.segments:
        parts.append(heading(_title(segment, findings, say)))
        groups = segment.rows[:MOST_GROUPS]
        parts.append(side_by_side(*(_group(segment, group, say) for group in groups)))
        if len(segment.rows) > len(groups):
            left = len(segment.rows) - len(groups)
            parts.append(
                paragraph(
                    say(
                        f"The {len(groups)} largest groups are drawn; {left} more are in the table under Money.",
                        f"人数の多い{len(groups)}グループを図示しました。ほか{left}グループは「採算」の表にあります。",
                    )
                )
            )
    return Section("survival", say("How long do customers stay?", "顧客はどのくらい続くか"), join(parts))


def _everybody(findings: Findings, say: Voice) -> Markup:
    """All held-out customers."""
    held, horizon = findings.held_out, findings.manifest.horizons[0]
    periods = held.survival.shape[1]
    observed = kaplan_meier(held.lives, periods, held.weight)
    predicted = np.average(held.survival, axis=0, weights=held.weight)
    at = [0, *range(1, periods + 1)]
    shown = Plot(
        told=say("Share still here over time", "継続率の推移")
        + f", {say.at(horizon)}: {say.percent(float(observed[horizon - 1]))} / {say.percent(float(predicted[horizon - 1]))}",
        series=[
            Series(label=say("observed", "実績"), x=at, y=[1.0, *observed.tolist()]),
            Series(label=say("predicted", "予測"), x=at, y=[1.0, *predicted.tolist()], style="b"),
        ],
        x_label=_axis(say),
        y_label=say("still here", "継続率"),
        spell_x=say.short,
        spell_y=say.percent,
        include_y=(0.0, 1.0),
        marks=[Mark("x", horizon, say("horizon", "予測期間"))],
    )
    told = _some(periods, horizon)
    behind = Table(
        caption=say("Share still here", "継続率"),
        head=[_axis(say), say("Observed", "実績"), say("Predicted", "予測")],
        rows=[
            [say.count(t), say.percent(float(observed[t - 1]), 1), say.percent(float(predicted[t - 1]), 1)]
            for t in told
        ],
    )
    return plotted(say("All customers", "全顧客"), shown, behind, say)


def _group(segment: SegmentTable, group: Segment, say: Voice) -> Markup:
    kept = group.retention
    x = [0.0, *(float(period) for period in segment.periods)]

    def shares(of: tuple[float | None, ...]) -> list[float]:
        return [1.0, *(np.nan if share is None else share for share in of)]

    shown = Plot(
        told=f"{name_of(group, say)}: "
        + say("share still here over time, observed and predicted", "継続率の推移（実績と予測）"),
        series=[
            Series(
                label=say("observed", "実績"),
                x=x,
                y=shares(kept.observed),
                low=shares(kept.low),
                high=shares(kept.high),
            ),
            Series(label=say("predicted", "予測"), x=x, y=shares(kept.predicted), style="b"),
        ],
        x_label=_axis(say),
        y_label=say("still here", "継続率"),
        spell_x=say.short,
        spell_y=say.percent,
        include_y=(0.0, 1.0),
    )
    behind = Table(
        caption=say("Share still here", "継続率"),
        head=[_axis(say), say("Observed", "実績"), say("95% interval", "95%区間"), say("Predicted", "予測")],
        rows=[
            [
                say.count(t),
                say.percent(observed, 1),
                say.interval(say.percent(low, 1), say.percent(high, 1)),
                say.percent(predicted, 1),
            ]
            for t, observed, low, high, predicted in zip(
                segment.periods, kept.observed, kept.low, kept.high, kept.predicted, strict=True
            )
        ],
    )
    customers = say(f"{say.count(group.customers)} customers", f"顧客{say.count(group.customers)}人")
    return plotted(name_of(group, say), shown, behind, say, remark=customers)


def name_of(group: Segment, say: Voice) -> str:
    """A segment's value, in words where it has none of its own."""
    if group.pooled:
        return say(f"{group.pooled} small groups together", f"小さな{group.pooled}グループの合計")
    return group.value or say("(missing)", "（欠損）")


def _title(segment: SegmentTable, findings: Findings, say: Voice) -> str:
    features = {feature.name: feature for feature in findings.manifest.contract.features}
    feature = features.get(segment.column)
    title = feature.title(say.lang) if feature else segment.name
    return say(f"By {title}", f"{title}別")


def _axis(say: Voice) -> str:
    unit = {"day": "日", "week": "週", "month": "か月", "quarter": "四半期", "year": "年"}[say.period]
    return say(f"{say.period}s since sign-up", f"契約からの経過（{unit}）")


def _some(periods: int, horizon: int) -> list[int]:
    return sorted({*np.unique(np.linspace(1, periods, min(TOLD, periods)).round().astype(int)).tolist(), horizon})
