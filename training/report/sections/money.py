"""What customers are worth: our figures beside the classical ones, by segment, and what would change them."""

from __future__ import annotations

from markupsafe import Markup

from training.economics.economics import Economics
from training.economics.formulas import Formula
from training.report.bars import Bar, bars
from training.report.blocks import Section, Table, bullets, figure, heading, note, paragraph, table, tiles
from training.report.findings import Findings
from training.report.markup import join
from training.report.sections.survival import name_of
from training.report.voice import Voice

MOST_BARS = 10


def write(findings: Findings, say: Voice) -> Section:
    """PLTV and its like, where money is known."""
    economics = findings.economics
    title = say("What is a customer worth?", "顧客の採算")
    absences = [note(text) for text in dict.fromkeys(text[say.lang] for text in economics.absent.values())]
    if economics.mean_pltv is None:
        return Section("money", title, join(absences))
    parts = [
        _lead(economics, say),
        tiles(
            [
                (say.money(economics.mean_pltv), say("mean predicted lifetime value (pLTV)", "予測LTVの平均")),
                (say.money(economics.mean_cpa), say("mean cost to acquire (CPA)", "獲得単価の平均")),
                (say.number(economics.pltv_to_cpa), say("pLTV / CPA", "予測LTV÷獲得単価")),
                (
                    say.money(economics.mean_net_value),
                    say("mean net value, after closing costs", "純価値の平均（成約費用控除後）"),
                ),
            ]
        ),
        *absences,
        _formulas(economics, say),
        *(_segment(position, findings, say) for position in range(len(economics.segments))),
        _sensitivity(economics, say),
    ]
    return Section("money", title, join(parts))


def _lead(economics: Economics, say: Voice) -> Markup:
    unknown = economics.customers - economics.known
    text = say(
        f"The predicted lifetime value (pLTV) adds up what a customer is expected to leave us over "
        f"{say.span(economics.value_horizon)}, discounted, after the cost to serve. What was spent to find the customer is "
        "gone either way; the closing cost is still to be decided on.",
        f"予測LTVは、{say.span(economics.value_horizon)}にわたって顧客から得られると見込まれる、提供費用控除後・割引後の"
        "利益の合計です。見込み客の獲得に使った費用は戻りませんが、成約費用はこれから判断できます。",
    )
    if unknown >= 1:
        text += say(
            f" The money of {say.count(unknown)} of {say.count(economics.customers)} customers is unknown; they are left out.",
            f"{say.count(economics.customers)}人のうち{say.count(unknown)}人は金額が不明なため除外しています。",
        )
    return paragraph(text)


def _formulas(economics: Economics, say: Voice) -> Markup:
    def value(formula: Formula) -> str:
        if formula.unit != "ratio":
            return say.money(formula.value)
        mark = (
            f" ({say('mark', '目安')} {say.short(formula.mark)})"
            if formula.mark is not None and formula.value is not None
            else ""
        )
        return say.number(formula.value) + mark

    return join(
        [
            heading(say("Beside the classical formulas", "従来の計算式との比較")),
            table(
                Table(
                    caption=say("Lifetime value by different formulas", "計算式ごとの顧客生涯価値"),
                    head=[
                        say("Name", "名称"),
                        say("Value", "値"),
                        say("Formula", "計算式"),
                        say("Why it differs from ours", "本モデルとの違い"),
                    ],
                    rows=[
                        [f.name[say.lang], value(f), f.formula[say.lang], f.why[say.lang] or say("ours", "本モデル")]
                        for f in economics.formulas
                    ],
                    text=(2, 3),
                )
            ),
        ]
    )


def _segment(position: int, findings: Findings, say: Voice) -> Markup:
    segment = findings.economics.segments[position]
    features = {feature.name: feature for feature in findings.manifest.contract.features}
    feature = features.get(segment.column)
    title = feature.title(say.lang) if feature else segment.name
    behind = Table(
        caption=say(f"Money by {title}", f"{title}別の採算"),
        head=[
            title,
            say("Customers", "顧客数"),
            say("Mean pLTV", "予測LTV"),
            "CPA",
            "pLTV / CPA",
            say("Net value", "純価値"),
            say("LTV-minus", "LTVマイナス"),
        ],
        rows=[
            [
                name_of(row, say),
                say.count(row.customers),
                say.money(row.mean_pltv),
                say.money(row.cpa),
                say.number(row.pltv_to_cpa),
                say.money(row.mean_net_value),
                say.percent(row.ltv_minus_share),
            ]
            for row in segment.rows
        ],
        warned=[i for i, row in enumerate(segment.rows) if row.mean_net_value is not None and row.mean_net_value < 0],
    )
    drawn = [
        Bar(name_of(row, say), row.pltv_to_cpa, say.number(row.pltv_to_cpa), style="a" if row.pltv_to_cpa >= 1 else "b")
        for row in segment.rows[:MOST_BARS]
        if row.pltv_to_cpa is not None
    ]
    if not drawn:
        return table(behind)
    told = say(f"pLTV over CPA by {title}", f"{title}別の予測LTV÷獲得単価") + ": "
    told += ", ".join(f"{bar.label} {bar.spelt}" for bar in drawn)
    picture = bars(told, drawn, 0.0, say.short, include=(1.0,))
    remark = say(
        "At 1 a customer brings back what it cost to win; the trade's mark is 3.",
        "1で獲得費用と同額を回収、一般的な目安は3です。",
    )
    return join(
        [
            heading(say(f"By {title}", f"{title}別")),
            figure(say("pLTV / CPA", "予測LTV÷獲得単価"), picture, behind, say, remark=remark),
        ]
    )


def _sensitivity(economics: Economics, say: Voice) -> Markup:
    horizon = say.span(economics.horizon)
    names = {
        "churn": say(f"One point less churn within {horizon}", f"{horizon}以内の解約率が1ポイント下がると"),
        "discount": say("One point more discount", "値引きが1ポイント増えると"),
        "gross_margin": say("One point more gross margin", "粗利率が1ポイント上がると"),
    }
    items = [
        say(
            f"{names[s.of]}: {_gain(s.per_customer, say)} per customer, {_gain(s.book, say)} for the whole book.",
            f"{names[s.of]}、顧客1人あたり{_gain(s.per_customer, say)}、台帳全体で{_gain(s.book, say)}です。",
        )
        for s in economics.sensitivities
    ]
    if not items:
        return Markup()
    return join([heading(say("What would change it", "何が採算を動かすか")), bullets(items)])


def _gain(amount: float, say: Voice) -> str:
    return ("+" if amount > 0 else "") + say.money(amount)
