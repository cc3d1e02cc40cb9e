"""What turning customers away would have earned: the profit curve, and the policy's place on it."""

from __future__ import annotations

from markupsafe import Markup

from training.backtest.backtest import Absent, Backtest, Estimate
from training.report.blocks import (
    Section,
    Table,
    bullets,
    estimate,
    heading,
    note,
    paragraph,
    side_by_side,
    table,
)
from training.report.findings import Findings
from training.report.markup import join
from training.report.profit_curve import profit_curve
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """The back-test, or why there is none."""
    back, title = findings.backtest, say("What would it have earned?", "過去に使っていたら")
    if isinstance(back, Absent):
        return Section("profit", title, note(back.why[say.lang]))
    parts = [
        paragraph(back.on[say.lang]),
        _lead(back, say),
        side_by_side(*(profit_curve(back, position, say) for position in range(len(back.curves)))),
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
