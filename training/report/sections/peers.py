"""The model beside what others would fit."""

from __future__ import annotations

from markupsafe import Markup

from training.evaluation.contest import PeerRow
from training.evaluation.measure import Figure
from training.report.blocks import Section, Table, bullets, estimate, note, paragraph, table
from training.report.findings import Findings
from training.report.markup import join, tag
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """The comparison, or how to get one."""
    title, compared = say("Is there a better model?", "ほかのモデルとの比較"), findings.comparison
    if compared is None:
        command = tag("code", "python -m training compare BOOK.toml")
        hint = note(
            join(
                [
                    say("Not compared yet: run ", "まだ比較していません。"),
                    command,
                    say(" and fit again.", "を実行し、もう一度学習してください。"),
                ]
            )
        )
        return Section("peers", title, hint)
    intro = paragraph(
        say(
            f"All models were fitted on the same splits ({compared.splits}, by {compared.split}) of "
            f"{say.count(compared.compared)} customers. A difference is ours less theirs: positive means that ours is better, "
            "and an interval that includes 0 that they cannot be told apart. Kaplan-Meier puts churn within the horizon at "
            f"{say.percent(compared.kaplan_meier_churn, 1)}.",
            f"{say.count(compared.compared)}人の顧客を同じ{compared.splits}分割に分け、すべてのモデルを学習しました。差は本モデルから相手を引いた値で、"
            "正の値は本モデルのほうが良いことを、0を含む区間は差がつかないことを示します。期間内の解約率のカプラン・マイヤー推定は"
            f"{say.percent(compared.kaplan_meier_churn, 1)}です。",
        )
    )
    shown = Table(
        caption=say("Models side by side, with 95% intervals of the difference", "モデルの比較（差の95%区間つき）"),
        head=[
            say("Model", "モデル"),
            "C-index",
            say("difference", "差"),
            "AUC",
            say("difference", "差"),
            say("Integrated Brier", "積分Brier"),
            say("difference", "差"),
            say("Mean risk", "平均リスク"),
            say("Seconds to fit", "学習時間（秒）"),
        ],
        rows=[_row(row, say) for row in compared.rows],
    )
    left = [f"{name}: {why}" for name, why in compared.left_out.items()]
    return Section("peers", title, join([intro, table(shown), bullets(left) if left else None]))


def _row(row: PeerRow, say: Voice) -> list[str | Markup]:
    return [
        row.name,
        say.number(row.c_index_ipcw),
        _better(row.loss_c_index_ipcw, say),
        say.number(row.auc_at_horizon),
        _better(row.loss_auc_at_horizon, say),
        say.number(row.integrated_brier),
        _better(row.loss_integrated_brier, say),
        say.percent(row.mean_risk, 1),
        say.number(row.fit_seconds, 2),
    ]


def _better(loss: Figure | None, say: Voice) -> Markup:
    """By how much ours is better: a loss turned around."""
    if loss is None:
        return estimate(say.number(None), None)
    value, low, high = (say.fixed(-figure, 4) for figure in (loss.value, loss.high, loss.low))
    return estimate(value, say.interval(low, high))
