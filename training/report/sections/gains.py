"""How well the score sorts customers: lift and gains."""

from __future__ import annotations

from markupsafe import Markup

from training.evaluation.evaluate import Evaluation
from training.evaluation.measure import CohortMetrics, Figure
from training.report.blocks import Section, Table, estimate, heading, note, paragraph, plotted, side_by_side, table
from training.report.findings import Findings
from training.report.markup import join
from training.report.plots import Plot, Series
from training.report.voice import Voice

TOLD = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Shares of the customers that the table tells of."""


def write(findings: Findings, say: Voice) -> Section:
    """Gains, lift and the metrics behind them."""
    evaluation = findings.evaluation
    title = say("Does it rank customers well?", "リスクの高い顧客を見分けられるか")
    metrics = [_auc(evaluation, say), _metrics(evaluation, say)]
    if not evaluation.gains:
        return Section("gains", title, join([note(_none(say)), *metrics]))
    share = [0.0, *(gain.share for gain in evaluation.gains)]
    fifth = min(evaluation.gains, key=lambda gain: abs(gain.share - 0.2))
    tenth = min(evaluation.gains, key=lambda gain: abs(gain.share - 0.1))
    lead = paragraph(
        say(
            f"The {say.percent(fifth.share)} with the highest score are {say.percent(fifth.churn_share)} of all who leave "
            f"within {say.span(evaluation.horizon)}. Those in the top {say.percent(tenth.share)} leave "
            f"{tenth.lift:.1f} times as often as the average customer.",
            f"スコア上位{say.percent(fifth.share)}の顧客が、{say.span(evaluation.horizon)}以内の解約全体の"
            f"{say.percent(fifth.churn_share)}を占めます。上位{say.percent(tenth.share)}の解約率は平均の{tenth.lift:.1f}倍です。",
        )
    )
    gains = Plot(
        told=say(
            "Share of all leavers among the customers with the highest scores", "スコア上位の顧客が解約全体に占める割合"
        )
        + f": {say.percent(tenth.share)} → {say.percent(tenth.churn_share)}, {say.percent(fifth.share)} → {say.percent(fifth.churn_share)}",
        series=[
            Series(label=say("by score", "スコア順"), x=share, y=[0.0, *(g.churn_share for g in evaluation.gains)]),
            Series(label=say("at random", "無作為"), x=[0.0, 1.0], y=[0.0, 1.0], style="muted"),
        ],
        x_label=say("customers, highest score first", "顧客（スコアの高い順）"),
        y_label=say("leavers found", "解約者の割合"),
        spell_x=say.percent,
        spell_y=say.percent,
        include_y=(0.0, 1.0),
    )
    lift = Plot(
        told=say(
            "How many times as often as average the customers with the highest scores leave",
            "スコア上位の顧客の解約率は平均の何倍か",
        )
        + f": {say.percent(tenth.share)} → {tenth.lift:.1f}, {say.percent(fifth.share)} → {fifth.lift:.1f}",
        series=[
            Series(label=say("by score", "スコア順"), x=share[1:], y=[g.lift for g in evaluation.gains]),
            Series(label=say("at random", "無作為"), x=[0.0, 1.0], y=[1.0, 1.0], style="muted"),
        ],
        x_label=say("customers, highest score first", "顧客（スコアの高い順）"),
        y_label=say("lift", "リフト"),
        spell_x=say.percent,
        spell_y=say.factor,
        include_x=(0.0,),
        include_y=(0.0,),
    )
    told = [min(evaluation.gains, key=lambda gain, at=at: abs(gain.share - at)) for at in TOLD]  # type: ignore[misc]
    behind = Table(
        caption=say("Customers by score, highest first", "スコアの高い順の顧客"),
        head=[say("Customers", "顧客"), say("Leavers among them", "解約全体に占める割合"), say("Lift", "リフト")],
        rows=[[say.percent(g.share), say.percent(g.churn_share, 1), say.times(g.lift)] for g in told],
    )
    plots = side_by_side(
        plotted(say("Gains", "累積ゲイン"), gains, behind, say),
        plotted(say("Lift", "リフト"), lift, behind, say),
    )
    return Section("gains", title, join([lead, plots, *metrics]))


def _auc(evaluation: Evaluation, say: Voice) -> Markup:
    auc = evaluation.overall.auc_at_horizon
    if auc is None:
        return paragraph(
            say(
                "How often the score orders two customers rightly is not defined for this book.",
                "この台帳では、順位の正しさ（AUC）は定義できません。",
            )
        )
    return paragraph(
        say(
            f"Of two customers, one of whom leaves within {say.span(evaluation.horizon)}, the score ranks the leaver higher "
            f"in {say.percent(auc.value)} of pairs (AUC {say.number(auc.value)}, 95% interval {say.number(auc.low)} to "
            f"{say.number(auc.high)}). Guessing gives 50%.",
            f"{say.span(evaluation.horizon)}以内に解約する顧客としない顧客の組のうち、スコアが解約する側を高く評価する割合は"
            f"{say.percent(auc.value)}です（AUC {say.number(auc.value)}、95%区間{say.number(auc.low)}～{say.number(auc.high)}）。"
            "当て推量では50%になります。",
        )
    )


def _metrics(evaluation: Evaluation, say: Voice) -> Markup:
    cohorts = [evaluation.overall, *evaluation.cohorts]
    names = [say("all", "全体"), *(_cohort(cohort, evaluation, say) for cohort in evaluation.cohorts)]
    shown = Table(
        caption=say(
            "Metrics with 95% intervals; concordance and AUC: higher is better, Brier: lower is better",
            "評価指標と95%区間（一致指数とAUCは大きいほど、Brierは小さいほど良い）",
        ),
        head=[
            say("Customers", "顧客"),
            say("Number", "人数"),
            say("Left", "解約数"),
            "C-index (IPCW)",
            say(f"AUC at {evaluation.horizon}", f"AUC（{evaluation.horizon}期）"),
            say(f"Brier at {evaluation.horizon}", f"Brier（{evaluation.horizon}期）"),
            say("Integrated Brier", "積分Brier"),
            say("Administrative Brier", "管理打切りBrier"),
        ],
        rows=[
            [
                name,
                say.count(cohort.customers),
                say.count(cohort.events),
                *(
                    _figure(figure, say)
                    for figure in (
                        cohort.c_index_ipcw,
                        cohort.auc_at_horizon,
                        cohort.brier_at_horizon,
                        cohort.integrated_brier,
                        cohort.administrative_brier,
                    )
                ),
            ]
            for name, cohort in zip(names, cohorts, strict=True)
        ],
    )
    return join([heading(say("In the statistician’s terms", "統計指標")), table(shown)])


def _cohort(cohort: CohortMetrics, evaluation: Evaluation, say: Voice) -> str:
    """A cohort's name as the evaluation gives it: a range of days, or a fold's number."""
    if evaluation.split == "sign-up time":
        return say(f"signed up {cohort.name}", f"契約日：{cohort.name.replace(' to ', '～')}")
    return say(cohort.name, cohort.name.replace("fold ", "分割"))


def _figure(figure: Figure | None, say: Voice) -> Markup:
    if figure is None:
        return estimate(say.number(None), None)
    return estimate(say.number(figure.value), say.interval(say.number(figure.low), say.number(figure.high)))


def _none(say: Voice) -> str:
    return say("There were too few customers to draw this.", "図示するには顧客数が不足しています。")
