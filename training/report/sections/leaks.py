"""Whether a feature knows what no lead can tell."""

from __future__ import annotations

from training.report.blocks import Section, Table, bullets, note, paragraph, table
from training.report.findings import Findings
from training.report.markup import join
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """The verdicts of the leak guard that are not `ok`."""
    leaks = findings.leaks
    titles = {feature.name: feature.title(say.lang) for feature in findings.manifest.contract.features}
    words = {
        "ok": say("clear", "問題なし"),
        "warn": say("look at it", "要確認"),
        "stop": say("a leak", "リーク"),
        "allowed": say("allowed by the book", "台帳で許可"),
    }
    told = [row for row in leaks.features if row.verdict != "ok"]
    intro = paragraph(
        say(
            "A leak is a feature that tells the outcome but is not known when a lead arrives, such as a sum that grows with "
            f"every {say.period} stayed. {len(leaks.features) - len(told)} of {len(leaks.features)} features are clear.",
            "リークとは、結果を知っているのに、見込み客の段階ではわからない特徴量のことです（例：契約期間とともに増える累計額）。"
            f"{len(leaks.features)}個の特徴量のうち{len(leaks.features) - len(told)}個は問題ありません。",
        )
    )
    looked = note(
        say(
            f"Looked at {say.count(leaks.left)} customers who left and {say.count(leaks.still_here)} who are still here.",
            f"解約した{say.count(leaks.left)}人と継続中の{say.count(leaks.still_here)}人を調べました。",
        )
    )
    rows = [
        [
            titles.get(row.feature, row.feature),
            words[row.verdict],
            bullets(
                [evidence.en if say.lang == "en" else evidence.ja for evidence in row.evidence]
                + ([say(f"The book's reason: {row.reason}", f"台帳に書かれた理由：{row.reason}")] if row.reason else [])
            ),
        ]
        for row in told
    ]
    shown = Table(
        caption=say("Features to look at", "確認が必要な特徴量"),
        head=[say("Feature", "特徴量"), say("Verdict", "判定"), say("Evidence", "根拠")],
        rows=rows,
        text=(1, 2),
        warned=[position for position, row in enumerate(told) if row.verdict in ("warn", "stop")],
    )
    body = join([intro, table(shown) if rows else None, looked])
    return Section("leaks", say("Does a feature know too much?", "知りすぎている特徴量はないか"), body)
