"""What the model says, in a paragraph."""

from __future__ import annotations

from markupsafe import Markup

from training.backtest.backtest import Backtest
from training.report.blocks import Section, tiles, warned
from training.report.effects import LEAST_SHARE, effects, value_rows
from training.report.findings import Findings
from training.report.markup import join, tag
from training.report.voice import Voice

NAMED = 3
"""Groups that are named as leaving the most."""


def write(findings: Findings, say: Voice) -> Section:
    """What the model says, in figures that a manager uses."""
    body = join([_lead(findings, say), _tiles(findings, say), *_attention(findings, say)])
    return Section("summary", say("What the model says", "モデルからわかること"), body)


def _lead(findings: Findings, say: Voice) -> Markup:
    sentences = [_churn(findings, say), _apart(findings, say), _who(findings, say), _money(findings, say)]
    return tag("p", say(" ", "").join(sentence for sentence in sentences if sentence), class_="lead")


def _churn(findings: Findings, say: Voice) -> str:
    overall, span = findings.evaluation.overall, say.span(findings.evaluation.horizon)
    if overall.kaplan_meier_churn is None:
        return say(
            f"The model expects {say.percent(overall.mean_risk)} of new customers to leave within {span}.",
            f"新しい顧客の{say.percent(overall.mean_risk)}が{span}以内に解約すると予測されます。",
        )
    return say(
        f"Of 100 new customers, {100 * overall.kaplan_meier_churn:.0f} leave within {span}.",
        f"新しい顧客100人のうち、{span}以内に解約するのは{100 * overall.kaplan_meier_churn:.0f}人です。",
    )


def _apart(findings: Findings, say: Voice) -> str:
    known = [decile for decile in findings.evaluation.calibration if decile.kaplan_meier is not None]
    if len(known) < 2:
        return ""
    riskiest, safest = known[0].kaplan_meier, known[-1].kaplan_meier
    if _guesses(findings):
        return say(
            f"The score cannot tell them apart beforehand: of the tenth it calls riskiest {say.percent(riskiest)} left, of the "
            f"tenth it calls safest {say.percent(safest)}, and its ranking may as well be guessing.",
            f"スコアでは事前にこれを見分けられません。リスクが最も高いとした10%の顧客では{say.percent(riskiest)}が、最も低いとした"
            f"10%では{say.percent(safest)}が解約し、順位は当て推量と区別できません。",
        )
    return say(
        f"The score tells them apart beforehand: of the tenth it calls riskiest {say.percent(riskiest)} left, of the tenth it "
        f"calls safest {say.percent(safest)}.",
        f"スコアは事前にこれを見分けます。リスクが最も高いとした10%の顧客では{say.percent(riskiest)}が、最も低いとした10%では"
        f"{say.percent(safest)}が解約しました。",
    )


def _guesses(findings: Findings) -> bool:
    """Whether the interval of the AUC holds a coin's 0.5, or lies below it."""
    auc = findings.evaluation.overall.auc_at_horizon
    return auc is not None and auc.low <= 0.5


def _who(findings: Findings, say: Voice) -> str:
    """The values of categories and flags that raise the odds most, among those that are not rare and surely do."""
    found = [
        (float(effect.factor[row]), effect.feature.title(say.lang), name)
        for effect in effects(findings)
        if effect.feature.kind != "number"
        for name, row in value_rows(effect.feature, findings.tables.bins[effect.position], say)
        if effect.share[row] >= LEAST_SHARE and row and (effect.factor if effect.low is None else effect.low)[row] > 1
    ]
    worst = sorted(found, key=lambda each: -each[0])[:NAMED]
    if not worst:
        return ""
    named = say(", ", "、").join(
        say(f"{title} “{name}” ({say.times(factor)} the odds)", f"{title}「{name}」（オッズ{say.times(factor)}）")
        for factor, title, name in worst
    )
    return say(
        f"Most likely to leave, all else equal: {named}.", f"ほかの条件が同じなら、最も解約しやすいのは{named}です。"
    )


def _money(findings: Findings, say: Voice) -> str:
    back = findings.backtest
    if not isinstance(back, Backtest):
        return ""
    if back.place.share == 0:
        return say("The policy turns nobody away.", "営業方針では、見送る見込み客はいません。")
    gain = back.place.gain
    if gain.low_80 <= 0 <= gain.high_80:
        return say(
            f"Following the policy, which turns away {say.percent(back.place.share, 1)} of leads, would have made no difference "
            "to the profit that can be told from chance.",
            f"営業方針に従い見込み客の{say.percent(back.place.share, 1)}を見送っても、利益への影響は偶然の範囲を出ませんでした。",
        )
    return say(
        f"Following the policy, which turns away {say.percent(back.place.share, 1)} of leads, would have "
        f"{'gained' if gain.value > 0 else 'lost'} {say.money(abs(gain.value))} per 100 leads.",
        f"営業方針に従い見込み客の{say.percent(back.place.share, 1)}を見送っていれば、100人あたり{say.money(abs(gain.value))}の"
        f"{'得' if gain.value > 0 else '損'}でした。",
    )


def _tiles(findings: Findings, say: Voice) -> Markup:
    book, evaluation, economics = findings.manifest.book, findings.evaluation, findings.economics
    auc = evaluation.overall.auc_at_horizon
    facts = [
        (say.count(book.customers), say("customers in the book", "台帳の顧客")),
        (say.count(book.churned), say("of them left", "うち解約")),
    ]
    if auc is not None:
        facts.append(
            (say.number(auc.value), say("AUC: 0.5 is guessing, 1 is certain", "AUC（0.5は当て推量、1は完全）"))
        )
    judged = [decile for decile in evaluation.calibration if decile.holds is not None]
    if judged:
        facts.append(
            (
                say(f"{evaluation.deciles_hold} of {len(judged)}", f"{len(judged)}区分中{evaluation.deciles_hold}"),
                say("risk groups as predicted", "予測どおりのリスク区分"),
            )
        )
    if economics.mean_pltv is not None:
        facts.append((say.money(economics.mean_pltv), say("mean predicted lifetime value", "予測LTVの平均")))
    if economics.pltv_to_cpa is not None:
        facts.append((say.number(economics.pltv_to_cpa), say("pLTV per acquisition cost", "予測LTV÷獲得単価")))
    return tiles(facts)


def _attention(findings: Findings, say: Voice) -> list[Markup]:
    """What has to be looked at before the score is used."""
    titles = {feature.name: feature.title(say.lang) for feature in findings.manifest.contract.features}
    suspects = [titles.get(f.feature, f.feature) for f in findings.leaks.features if f.verdict in ("warn", "stop")]
    items: list[tuple[str, str]] = []
    if _guesses(findings):
        items.append(
            ("gains", say("It may rank no better than guessing", "順位は当て推量と変わらない可能性があります"))
        )
    ratio = findings.evaluation.overall.expected_over_observed
    if ratio is not None and not ratio.low <= 1.0 <= ratio.high:
        leavers = f"{100 * ratio.value:.0f}"
        text = say(
            f"It expects {leavers} leavers for every 100 there were",
            f"実際の解約100件に対し、予測は{leavers}件です",
        )
        items.append(("calibration", text))
    if suspects:
        names = say(", ", "、").join(suspects[:NAMED])
        left = len(suspects) - NAMED
        names += say(f" and {left} more", f"ほか{left}個") if left > 0 else ""
        items.append(("leaks", say(f"May know too much: {names}", f"知りすぎている可能性：{names}")))
    if findings.fairness.findings:
        n = len(findings.fairness.findings)
        items.append(("fairness", say(f"Findings of the fairness audit: {n}", f"公平性の所見：{n}件")))
    doubts = sum(finding.severity == "warn" for finding in findings.quality.findings)
    if doubts:
        items.append(("quality", say(f"Warnings about the data: {doubts}", f"データについての注意：{doubts}件")))
    if not items:
        return []
    links = [tag("a", text, href=f"#{say.lang}-{key}") for key, text in items]
    return [warned(say("Look at these before you use it", "使う前に確認してください"), links)]
