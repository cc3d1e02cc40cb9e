"""What a reader should know about the book's data."""

from __future__ import annotations

from training.report.blocks import Section, Table, bullets, note, paragraph, table
from training.report.findings import Findings
from training.report.markup import join
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """Findings about the data and the columns."""
    quality = findings.quality
    titles = {feature.name: feature.title(say.lang) for feature in findings.manifest.contract.features}
    kinds = {
        "number": say("number", "数値"),
        "category": say("category", "カテゴリー"),
        "flag": say("yes or no", "はい・いいえ"),
    }
    of = {feature.name: kinds.get(feature.kind, feature.kind) for feature in findings.manifest.contract.features}
    intro = paragraph(
        say(
            f"The book holds {say.count(quality.customers)} customers that could be read"
            + (
                f"; {say.count(quality.rejected)} rows were rejected." if quality.rejected else "; no row was rejected."
            ),
            f"台帳から読み取れた顧客は{say.count(quality.customers)}人で、"
            + (f"{say.count(quality.rejected)}行を除外しました。" if quality.rejected else "除外した行はありません。"),
        )
    )
    warnings = [
        note(finding.en if say.lang == "en" else finding.ja, "warn", label=say("Attention:", "注意："))
        for finding in quality.findings
        if finding.severity == "warn"
    ]
    notes = [
        finding.en if say.lang == "en" else finding.ja for finding in quality.findings if finding.severity == "note"
    ]
    columns = table(
        Table(
            caption=say("The features as the book shows them", "台帳の特徴量"),
            head=[
                say("Feature", "特徴量"),
                say("Kind", "種類"),
                say("Missing", "欠損"),
                say("Distinct values", "異なる値の数"),
                say("Most frequent value", "最頻値の割合"),
            ],
            rows=[
                [
                    titles.get(column.feature, column.feature),
                    of.get(column.feature, ""),
                    say.percent(column.missing, 1),
                    say.count(column.distinct),
                    say.percent(column.most_common, 1),
                ]
                for column in quality.columns
            ],
            text=(1,),
        )
    )
    body = join([intro, *warnings, bullets(notes) if notes else None, columns])
    return Section("quality", say("How good are the data?", "データの品質"), body)
