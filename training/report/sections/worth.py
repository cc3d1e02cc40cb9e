"""What each feature is worth to the predictions."""

from __future__ import annotations

from training.report.bars import Bar, bars
from training.report.blocks import Section, Table, figure, note, paragraph
from training.report.findings import Findings
from training.report.markup import join
from training.report.voice import Voice

MOST_BARS = 15


def write(findings: Findings, say: Voice) -> Section:
    """What is lost without each feature."""
    title, worth = say("Which features earn their place?", "どの特徴量が役立っているか"), findings.worth
    if worth is None or not worth.features:
        return Section("worth", title, note(say("Not measured for this model.", "このモデルでは測定していません。")))
    titles = {feature.name: feature.title(say.lang) for feature in findings.manifest.contract.features}
    drawn = [
        Bar(
            titles.get(w.feature, w.feature),
            w.auc,
            _points(w.auc, say),
            w.auc_low,
            w.auc_high,
            "a" if w.auc_low > 0 else "muted",
        )
        for w in worth.features[:MOST_BARS]
    ]
    behind = Table(
        caption=say("What is lost without a feature", "特徴量を除いたときの損失"),
        head=[
            say("Feature", "特徴量"),
            say("AUC lost", "AUCの低下"),
            say("95% interval", "95%区間"),
            say("Deviance gained", "逸脱度の増加"),
            say("95% interval", "95%区間"),
        ],
        rows=[
            [
                titles.get(w.feature, w.feature),
                _points(w.auc, say),
                say.interval(_points(w.auc_low, say), _points(w.auc_high, say)),
                say.number(w.deviance),
                say.interval(say.number(w.deviance_low), say.number(w.deviance_high)),
            ]
            for w in worth.features
        ],
    )
    intro = paragraph(
        say(
            f"Each feature was taken out, the model fitted again and tested on customers it had not seen ({say.count(worth.customers)} "
            "customers). The bars say how many points of AUC are lost; grey ones cannot be told from nothing. Features "
            "that say the same stand in for each other, so that neither is missed alone.",
            f"特徴量を1つずつ除いてモデルを学習し直し、学習に使っていない顧客（{say.count(worth.customers)}人）で検証しました。棒は失われるAUCのポイント数で、"
            "灰色は誤差の範囲です。似た情報をもつ特徴量は互いに補うため、片方だけを除いても損失が小さくなります。",
        )
    )
    told = say("Points of AUC lost without each feature", "各特徴量を除いたときに失われるAUC") + ": "
    picture = bars(
        told + ", ".join(f"{bar.label} {bar.spelt}" for bar in drawn[:6]),
        drawn,
        0.0,
        lambda loss: say.short(round(100 * loss, 6)),
    )
    pictured = figure(say("Points of AUC lost without it", "除いたときに失われるAUC（ポイント）"), picture, behind, say)
    untried = None
    if worth.untried:
        names = say(", ", "、").join(titles.get(name, name) for name in worth.untried)
        untried = paragraph(
            say(f"Not tried, being of the least effect: {names}.", f"効果が小さいため測定していないもの：{names}。")
        )
    return Section("worth", title, join([intro, pictured, untried]))


def _points(loss: float, say: Voice) -> str:
    points = 100 * loss
    return say.number(points, 2) if abs(points) >= 0.01 else "0"
