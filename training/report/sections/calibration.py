"""Whether as many customers leave as the model says."""

from __future__ import annotations

import math

from markupsafe import Markup

from training.evaluation.evaluate import Evaluation
from training.report.blocks import Section, Table, folded, paragraph, plotted, table
from training.report.findings import Findings
from training.report.markup import join
from training.report.plots import Plot, Series
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """Predicted beside observed, by tenths and by group."""
    evaluation = findings.evaluation
    deciles = evaluation.calibration
    judged = [decile for decile in deciles if decile.holds is not None]
    span = say.span(evaluation.horizon)
    overall = evaluation.overall
    parts = [
        paragraph(
            say(
                f"Customers that the model had not seen, sorted by the risk it gave them and cut into tenths. In "
                f"{evaluation.deciles_hold} of {len(judged)} tenths the predicted share lies within the 95% interval of "
                f"what happened within {span}.",
                f"モデルが見ていない顧客を予測リスクの順に並べ、10等分しました。{span}以内に実際に解約した割合の95%区間に"
                f"予測が収まるのは、{len(judged)}区分のうち{evaluation.deciles_hold}区分です。",
            ),
            say(" ", ""),
            _tested_on(evaluation, say),
        ),
    ]
    if overall.expected_over_observed is not None:
        ratio = overall.expected_over_observed
        parts.append(
            paragraph(
                say(
                    f"For every 100 customers who left, the model expected {100 * ratio.value:.0f} "
                    f"(95% interval {100 * ratio.low:.0f} to {100 * ratio.high:.0f}).",
                    f"実際の解約100件に対し、モデルの予測は{100 * ratio.value:.0f}件です"
                    f"（95%区間：{100 * ratio.low:.0f}～{100 * ratio.high:.0f}件）。",
                )
            )
        )
    parts.append(_deciles(findings, say))
    if evaluation.groups:
        parts.append(_groups(findings, say))
    return Section("calibration", say("Do its predictions come true?", "予測は当たっているか"), join(parts))


def _tested_on(evaluation: Evaluation, say: Voice) -> str:
    n = say.count(evaluation.overall.customers)
    if evaluation.split == "sign-up time":
        return say(
            f"Tested on {n} customers who signed up after those it was fitted on.",
            f"検証には、学習に使った顧客より後に契約した{n}人を用いました。",
        )
    if evaluation.split == "customer":
        return say(
            f"Tested on {n} customers, each left out in turn when the model was fitted.",
            f"検証には、順に学習から除いた{n}人の顧客を用いました（交差検証）。",
        )
    return say(f"Tested on {n} customers.", f"検証には{n}人の顧客を用いました。")


def _deciles(findings: Findings, say: Voice) -> Markup:
    deciles = findings.evaluation.calibration
    known = [d for d in deciles if d.kaplan_meier is not None]
    top = max([d.mean_risk for d in deciles] + [d.high or 0.0 for d in deciles], default=1.0)
    shown = Plot(
        told=say("Predicted risk against the share that left, ten groups", "10区分の予測リスクと実際の解約率の比較")
        + ": "
        + ", ".join(f"{say.percent(d.mean_risk)} / {say.percent(d.kaplan_meier)}" for d in known),
        series=[
            Series(label=say("perfect", "完全な一致"), x=[0, top], y=[0, top], style="muted"),
            Series(
                label=say("tenths of the customers, 95% interval", "顧客の10分の1ずつ（95%区間）"),
                x=[d.mean_risk for d in known],
                y=[d.kaplan_meier if d.kaplan_meier is not None else math.nan for d in known],
                low=[math.nan if d.low is None else d.low for d in known],
                high=[math.nan if d.high is None else d.high for d in known],
                shape="points",
            ),
        ],
        x_label=say("predicted to leave", "予測された解約率"),
        y_label=say("left", "実際の解約率"),
        spell_x=say.percent,
        spell_y=say.percent,
        include_x=(0.0,),
        include_y=(0.0,),
    )
    behind = Table(
        caption=say("Tenths by risk, riskiest first", "リスクの高い順の10区分"),
        head=[
            say("Tenth", "区分"),
            say("Customers", "顧客数"),
            say("Predicted", "予測"),
            say("Left", "実際"),
            say("95% interval", "95%区間"),
            say("Holds", "判定"),
        ],
        rows=[
            [
                str(d.number),
                say.count(d.customers),
                say.percent(d.mean_risk, 1),
                say.percent(d.kaplan_meier, 1),
                say.interval(say.percent(d.low, 1), say.percent(d.high, 1)),
                {True: say("yes", "適合"), False: say("no", "不適合"), None: say("unknown", "不明")}[d.holds],
            ]
            for d in deciles
        ],
        warned=[position for position, d in enumerate(deciles) if d.holds is False],
    )
    remark = say(
        "Points on the line: as many left as predicted. Below it, fewer left; above it, more.",
        "線上の点は予測どおり、線より下は予測より少なく、上は予測より多く解約したことを示します。",
    )
    return plotted(say("Predicted and observed, by tenths", "予測と実績の比較"), shown, behind, say, remark=remark)


def _groups(findings: Findings, say: Voice) -> Markup:
    contract = findings.manifest.contract
    titles = {feature.name: feature.title(say.lang) for feature in contract.features}
    groups = findings.evaluation.groups
    judged = [group for group in groups if group.low is not None and group.high is not None]
    off = [
        group
        for group in judged
        if group.low is not None and group.high is not None and not group.low <= 1.0 <= group.high
    ]
    lead = paragraph(
        say(
            f"Group by group, {len(judged) - len(off)} of {len(judged)} "
            f"{'is' if len(judged) == 1 else 'are'} within {'its' if len(judged) == 1 else 'their'} 95% interval; where many groups are looked at, "
            "one in twenty is outside by chance alone.",
            f"グループ別では、{len(judged)}件のうち{len(judged) - len(off)}件が95%区間に収まります。多くのグループを見れば、20件に1件は偶然でも外れます。",
        )
    )
    shown = table(
        Table(
            caption=say("Expected and observed leavers by group", "グループ別の予測解約数と実績"),
            head=[
                say("Group", "グループ"),
                say("Customers", "顧客数"),
                say("Expected", "予測"),
                say("Observed", "実績"),
                say("Ratio", "比"),
                say("95% interval", "95%区間"),
            ],
            rows=[
                [
                    f"{titles.get(g.column, g.column)}: {g.value}",
                    say.count(g.customers),
                    say.count(g.expected_events),
                    say.count(g.observed_events),
                    say.number(g.ratio),
                    say.interval(say.number(g.low), say.number(g.high)),
                ]
                for g in groups
            ],
            warned=[position for position, g in enumerate(groups) if g in off],
        )
    )
    return join([lead, folded(say("All groups", "すべてのグループ"), shown)])
