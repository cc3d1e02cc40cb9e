"""The picture of a profit curve: what turning away more and more customers would have earned."""

from __future__ import annotations

from markupsafe import Markup

from training.backtest.backtest import Backtest, Curve, Place
from training.report.blocks import (
    Table,
    plotted,
)
from training.report.plots import Mark, Plot, Series
from training.report.voice import Voice

TOLD = 21
"""Points of a curve that its table tells of."""

DEEPEST, LEAST_DRAWN = 2.0, 0.1
"""A curve is drawn down to so many times the best gain, and at least up to this share turned away."""


def profit_curve(back: Backtest, position: int, say: Voice) -> Markup:
    """One of the back-test's curves with its best point, and the policy where it is ordered by net value."""
    curve = back.curves[position]
    by_value, drawn = curve.by == "net_value", _drawn(curve, back.place)
    series = [
        Series(
            label=say("gain, 95% interval", "得失（95%区間）"),
            x=curve.share[:drawn],
            y=curve.gain[:drawn],
            low=curve.low_95[:drawn],
            high=curve.high_95[:drawn],
        ),
        Series(
            label=say("best point", "最良点"),
            x=[curve.best.share.value],
            y=[curve.best.gain.value],
            style="c",
            shape="points",
        ),
    ]
    if by_value:
        place = back.place
        series.append(
            Series(
                label=say("the policy", "営業方針"),
                x=[place.share],
                y=[place.gain.value],
                low=[place.gain.low_95],
                high=[place.gain.high_95],
                style="b",
                shape="points",
            )
        )
    told = say("Gain per 100 leads by the share turned away", "見送る割合と100人あたりの得失")
    told += f": {say.percent(curve.best.share.value)} → {say.money(curve.best.gain.value)}"
    shown = Plot(
        told=told,
        series=series,
        x_label=say("leads turned away", "見送る割合"),
        y_label=say("gain", "得失"),
        spell_x=say.percent,
        spell_y=say.rounded,
        marks=[Mark("y", 0.0)],
        include_y=(0.0,),
    )
    chosen = sorted({round(i * (len(curve.share) - 1) / (TOLD - 1)) for i in range(TOLD)})
    threshold = say("Net value below", "純価値の上限") if by_value else say("Risk from", "リスクの下限")
    behind = Table(
        caption=say("Gain per 100 leads", "見込み客100人あたりの得失"),
        head=[
            say("Turned away", "見送り"),
            threshold,
            say("Gain", "得失"),
            say("95% interval", "95%区間"),
            say("Of them paid back", "うち回収できた割合"),
        ],
        rows=[
            [
                say.percent(curve.share[i], 1),
                say.money(curve.threshold[i]) if by_value else say.percent(curve.threshold[i], 1),
                say.money(curve.gain[i]),
                say.interval(say.money(curve.low_95[i]), say.money(curve.high_95[i])),
                say.percent(curve.paid_back[i]),
            ]
            for i in chosen
        ],
    )
    title = (
        say("Lowest predicted net value first", "予測純価値の低い順")
        if by_value
        else say("Highest risk first", "リスクの高い順")
    )
    remark = say(
        f"{back.currency} per 100 leads, against taking everybody. To the right of the picture it only falls.",
        f"全員を受け入れた場合との差、100人あたり（{back.currency}）。図より右では下がり続けます。",
    )
    return plotted(title, shown, behind, say, remark=remark)


def _drawn(curve: Curve, place: Place) -> int:
    """How many points are drawn: up to where the loss is a few times the best gain, so that the top can be seen."""
    floor = -DEEPEST * max(curve.best.gain.value, abs(place.gain.value))
    least = max(LEAST_DRAWN, curve.best.share.value, place.share)
    beyond = (
        i for i, (share, gain) in enumerate(zip(curve.share, curve.gain, strict=True)) if share > least and gain < floor
    )
    return next(beyond, len(curve.share) - 1) + 1
