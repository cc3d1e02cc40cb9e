"""What turning customers away would have earned: the profit curve, and the policy's place on it."""

from __future__ import annotations

from markupsafe import Markup

from training.backtest import Absent, Backtest, Curve, Estimate, Place
from training.report.blocks import (
    Section,
    Table,
    bullets,
    estimate,
    heading,
    note,
    paragraph,
    plotted,
    side_by_side,
    table,
)
from training.report.findings import Findings
from training.report.markup import join
from training.report.plots import Mark, Plot, Series
from training.report.voice import Voice

TOLD = 21
"""Points of a curve that its table tells of."""

DEEPEST, LEAST_DRAWN = 2.0, 0.1
"""A curve is drawn down to so many times the best gain, and at least up to this share turned away."""


def write(findings: Findings, say: Voice) -> Section:
    """The back-test, or why there is none."""
    back, title = findings.backtest, say("What would it have earned?", "過去に使っていたら")
    if isinstance(back, Absent):
        return Section("profit", title, note(back.why[say.lang]))
    parts = [
        paragraph(back.on[say.lang]),
        _lead(back, say),
        side_by_side(*(_curve(back, position, say) for position in range(len(back.curves)))),
        _rules(back, say),
        bullets([text[say.lang] for text in back.notes]),
    ]
    return Section("profit", title, join(parts))


def _lead(back: Backtest, say: Voice) -> Markup:
    by_value = back.curves[0]
    place, best = back.place, by_value.best
    lead = paragraph(
        say(
            f"The policy turns away {say.percent(place.share, 1)} of leads. On history that would have "
            f"{'gained' if place.gain.value >= 0 else 'lost'} {say.money(abs(place.gain.value))} per 100 leads "
            f"(80% interval {say.interval(say.money(place.gain.low_80), say.money(place.gain.high_80))}) against taking "
            "everybody.",
            f"営業方針では見込み客の{say.percent(place.share, 1)}を見送ります。過去のデータでは、全員を受け入れた場合に比べて"
            f"見込み客100人あたり{say.money(abs(place.gain.value))}の{'得' if place.gain.value >= 0 else '損'}でした"
            f"（80%区間：{say.interval(say.money(place.gain.low_80), say.money(place.gain.high_80))}）。",
        )
    )
    if not best.beats_nobody:
        return join(
            [
                lead,
                note(
                    say(
                        "No share turned away is distinguishable from turning nobody away. On this book the score is "
                        "better used to choose terms and attention than to turn leads away.",
                        "どの割合を見送っても、誰も見送らない場合との差は偶然の範囲を超えません。この台帳では、見送りの判断よりも、"
                        "条件や対応の優先順位づけに使うのが適切です。",
                    ),
                    "warn",
                    label=say("Note:", "注意："),
                ),
            ]
        )
    return join(
        [
            lead,
            paragraph(
                say(
                    f"The best point of the curve turns away {say.percent(best.share.value)} and gains "
                    f"{say.money(best.gain.value)} per 100 leads; the policy lies {say.money(place.behind_best.value)} "
                    "behind it.",
                    f"曲線の最良点では{say.percent(best.share.value)}を見送り、100人あたり{say.money(best.gain.value)}の得になります。"
                    f"営業方針はそこから{say.money(place.behind_best.value)}下回ります。",
                )
            ),
        ]
    )


def _curve(back: Backtest, position: int, say: Voice) -> Markup:
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


def _rules(back: Backtest, say: Voice) -> Markup:
    actions = {
        "proceed": say("proceed", "進める"),
        "review": say("review", "要確認"),
        "do_not_chase": say("do not chase", "追わない"),
    }
    return join(
        [
            heading(say("Rule by rule", "ルールごとの結果")),
            table(
                Table(
                    caption=say(
                        "As if everybody whom a rule hits had been turned away (80% intervals)",
                        "各ルールに該当した全員を見送ったと仮定した場合（80%区間）",
                    ),
                    head=[
                        say("Rule", "ルール"),
                        say("Action", "アクション"),
                        say("Customers", "顧客数"),
                        say("Net value per head, predicted", "1人あたり純価値（予測）"),
                        say("Realised", "実績"),
                        say("Saved by turning all away", "全員を見送った場合の節約額"),
                        say("Paid back: turned away wrongly", "回収できた割合（誤った見送り）"),
                    ],
                    rows=[
                        [
                            rule.name,
                            actions[rule.action],
                            estimate(say.count(rule.customers), say.percent(rule.share, 1)),
                            say.money(rule.predicted),
                            _money(rule.realised, say),
                            _money(rule.saved, say),
                            _percent(rule.paid_back, say),
                        ]
                        for rule in back.rules
                    ],
                    text=(1,),
                )
            ),
        ]
    )


def _money(found: Estimate | None, say: Voice) -> Markup:
    if found is None:
        return estimate(say.money(None), None)
    return estimate(say.money(found.value), say.interval(say.money(found.low_80), say.money(found.high_80)))


def _percent(found: Estimate | None, say: Voice) -> Markup:
    if found is None:
        return estimate(say.percent(None), None)
    return estimate(say.percent(found.value), say.interval(say.percent(found.low_80), say.percent(found.high_80)))
