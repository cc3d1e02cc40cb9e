"""What the model and the policy do to protected groups."""

from __future__ import annotations

from markupsafe import Markup

from training.audit.fairness import ColumnAudit, FairnessAudit, GroupAudit
from training.audit.fairness_groups import title
from training.evaluation.intervals import Estimate
from training.report.blocks import Section, Table, bullets, estimate, folded, heading, note, paragraph, table, warned
from training.report.findings import Findings
from training.report.markup import join
from training.report.voice import Voice

MOST_PROXIES = 8


def write(findings: Findings, say: Voice) -> Section:
    """The audit by protected column, or why there is none."""
    audit = findings.fairness
    question = say("Is it fair?", "公平性")
    if audit.absent is not None:
        return Section("fairness", question, note(audit.absent[say.lang]))
    titles = {feature.name: feature.title(say.lang) for feature in findings.manifest.contract.features}
    parts = [_lead(audit, say)]
    for column in audit.columns:
        parts.append(heading(column.column))
        found = [finding for finding in audit.findings if finding.column == column.column]
        alarms = [finding.text[say.lang] for finding in found if finding.kind == "false_alarms"]
        others = [finding.text[say.lang] for finding in found if finding.kind != "false_alarms"]
        parts += [warned(say("Unequal false alarms", "誤警告率の不均衡"), alarms)] if alarms else []
        parts += [bullets(others)] if others else []
        parts.append(_column(column, titles, say))
    return Section("fairness", question, join(parts))


def _lead(audit: FairnessAudit, say: Voice) -> Markup:
    return paragraph(
        say(
            "Protected columns are never features. This audit asks whether their groups are treated alike all the same, on "
            f"{say.count(audit.customers)} customers that the model had not seen. A false alarm is a warning about somebody "
            f"who stays {say.span(audit.horizon)} and would pay back by staying on; a group whose rate is beyond {say.number(audit.max_ratio)} times that of "
            "the largest group, with 95% confidence over all comparisons, is a finding.",
            f"保護対象の列は特徴量に使いません。それでも属性によって扱いに差が出ていないかを、モデルが見ていない{say.count(audit.customers)}人の顧客で"
            f"調べました。誤警告とは、{say.span(audit.horizon)}続き、その後も続けば採算がとれる顧客に警告を出すことです。その率が最大のグループの"
            f"{say.number(audit.max_ratio)}倍を（全比較を通じた95%の確信度で）超えるグループを所見として挙げます。",
        ),
        say(" ", ""),
        None if audit.findings else say("There is no finding.", "所見はありません。"),
    )


def _column(column: ColumnAudit, titles: dict[str, str], say: Voice) -> Markup:
    groups = Table(
        caption=say(
            f"Groups of {column.column}; compared with {title(column.reference, say.lang)}",
            f"{column.column}のグループ（比較の基準：{title(column.reference, say.lang)}）",
        ),
        head=[
            say("Group", "グループ"),
            say("Customers", "顧客数"),
            say("Do not chase", "追わない"),
            say("Review", "要確認"),
            say("False alarms", "誤警告率"),
            say("Ratio", "比"),
            say("Predicted to leave", "予測解約率"),
            say("Left", "実際の解約率"),
            say("Expected / observed", "予測／実績"),
        ],
        rows=[_group(group, say) for group in column.groups],
    )
    strongest = column.proxies[:MOST_PROXIES]
    proxies = Table(
        caption=say(f"Features that tell {column.column}", f"{column.column}を推測できる特徴量"),
        head=[
            say("Feature", "特徴量"),
            say("Group", "グループ"),
            say("AUC (0.5: not at all)", "AUC（0.5は無関係）"),
            say("Carried into the gap in risk", "リスク差への寄与"),
            say("Stands in", "代理変数"),
        ],
        rows=[
            [
                titles.get(proxy.feature, proxy.feature),
                title(proxy.group, say.lang),
                _estimate(proxy.auc, say),
                say.number(proxy.carried_points, 2) + say(" points", "ポイント"),
                say("yes", "該当") if proxy.found else say("no", "なし"),
            ]
            for proxy in strongest
        ],
        text=(1,),
        warned=[position for position, proxy in enumerate(strongest) if proxy.found],
    )
    told = folded(proxies.caption, table(proxies)) if strongest else None
    return join([table(groups), told])


def _group(group: GroupAudit, say: Voice) -> list[str | Markup]:
    few = "" if group.judged else say(" (too few to judge)", "（少数のため判定外）")
    return [
        title(group.group, say.lang) + few,
        say.count(group.customers),
        _share(group.actions.get("do_not_chase"), say),
        _share(group.actions.get("review"), say),
        _share(group.false_alarms, say),
        _estimate(group.false_alarm_ratio, say),
        say.percent(group.predicted_risk, 1),
        _share(group.observed_risk, say),
        _estimate(group.expected_over_observed, say),
    ]


def _share(found: Estimate | None, say: Voice) -> Markup:
    if found is None:
        return estimate(say.percent(None), None)
    return estimate(say.percent(found.value), say.interval(say.percent(found.low), say.percent(found.high)))


def _estimate(found: Estimate | None, say: Voice) -> Markup:
    if found is None:
        return estimate(say.number(None), None)
    return estimate(say.number(found.value), say.interval(say.number(found.low), say.number(found.high)))
