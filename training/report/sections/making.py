"""How the model was made, for whoever has to make it again."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from training.report.blocks import Section, Table, folded, paragraph, table
from training.report.findings import Findings
from training.report.markup import join, tag
from training.report.voice import Voice


def write(findings: Findings, say: Voice) -> Section:
    """Facts, settings and versions."""
    manifest = findings.manifest
    facts: list[tuple[str, str]] = [
        (say("Name", "名称"), manifest.name),
        (say("Feature contract", "特徴量契約"), manifest.contract_hash),
        (say("Customers", "顧客数"), say.count(manifest.book.customers)),
        (say("Churned", "解約数"), say.count(manifest.book.churned)),
        (say("Rows rejected", "除外した行"), say.count(manifest.book.rejected)),
        (say("Horizons", "予測期間"), say(", ", "、").join(say.span(horizon) for horizon in manifest.horizons)),
        (say("Lifetime value counts", "予測LTVの対象期間"), say.span(manifest.periods)),
        (say("Segments of time", "時間の区分"), say.count(findings.tables.grid.segments)),
        (say("Pairs of features", "特徴量の組み合わせ"), say.count(len(findings.tables.pairs))),
    ]
    settings: list[tuple[str, str]] = []
    for group, values in manifest.settings.items():
        if isinstance(values, dict):
            settings += [(f"{group}.{key}", _spelt(value)) for key, value in values.items()]
        else:
            settings.append((group, _spelt(values)))
    intro = paragraph(
        say(
            "A discrete-time survival model, additive in its features: boosted trees on customer-periods, each free to use "
            "one feature (or one of the pairs above) and time, read off into tables. The version is the name of the folder "
            "this file lies in; it is a hash of everything in it, this file included.",
            "特徴量について加法的な離散時間の生存モデルです。顧客×期間のデータに勾配ブースティング木を当てはめ（各木が使うのは"
            "1つの特徴量（または上記の組）と時間だけ）、表に展開しています。版の名前はこのファイルのあるフォルダー名で、この"
            "ファイルを含む全内容のハッシュです。",
        )
    )
    return Section(
        "making",
        say("How was it made?", "モデルの作成方法"),
        join(
            [
                intro,
                _facts(say("The model", "モデル"), facts, say),
                folded(
                    say("Settings and libraries", "設定とライブラリー"),
                    _facts(say("Settings and libraries", "設定とライブラリー"), settings, say),
                )
                if settings
                else None,
            ]
        ),
    )


def _facts(caption: str, facts: list[tuple[str, str]], say: Voice) -> Markup:
    return table(
        Table(
            caption=caption,
            head=[say("What", "項目"), say("Value", "値")],
            rows=[[name, tag("code", value)] for name, value in facts],
            text=(1,),
        )
    )


def _spelt(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
