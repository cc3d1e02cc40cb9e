"""A picture of every feature's effect."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from training.report.blocks import Section, Table, heading, note, paragraph, side_by_side, table
from training.report.effect_picture import picture_of
from training.report.effects import Effect, effects
from training.report.findings import Findings
from training.report.markup import join
from training.report.pairs import pair_tables
from training.report.voice import Voice

MOST_PICTURES = 40
"""Features that get a picture; the others get a row, so that the file stays small and the reader awake."""


def write(findings: Findings, say: Voice) -> Section:
    """A picture per feature, the rest in rows."""
    every = effects(findings)
    used = [effect for effect in every if not effect.flat]
    shown, others = used[:MOST_PICTURES], used[MOST_PICTURES:]
    paired = {position for pair in findings.tables.pairs for position in (pair.first, pair.second)}
    unused = [each.feature.title(say.lang) for each in every if each.flat and each.position not in paired]
    parts: list[Markup] = [
        paragraph(
            say(
                "The model adds up one effect per feature. Each picture shows how a feature multiplies a customer's odds of "
                "leaving in any one "
                f"{say.period}, all else equal: ×1 is the average customer of the book, ×2 twice the odds. Features come in "
                "the order of their worth.",
                "このモデルは特徴量ごとの効果を足し合わせたものです。各図は、ほかの条件が同じとき、その特徴量が"
                "1期間あたりの解約オッズを何倍にするかを示します。×1は台帳の平均的な顧客、×2はオッズが2倍であることを"
                "表します。並び順は特徴量の貢献度の順です。",
            )
        ),
        note(
            say(
                "An effect says what goes together in history, not what would happen if the feature were changed.",
                "効果は過去のデータでの関連を示すもので、その特徴量を変えたときに起こることを示すものではありません。",
            )
        ),
        side_by_side(*(picture_of(effect, findings, say) for effect in shown)),
    ]
    if unused:
        names = say(", ", "、").join(unused)
        parts.append(
            paragraph(say(f"Without effect in this model: {names}.", f"このモデルで効果のない特徴量：{names}。"))
        )
    if others:
        parts.append(_others(others, say))
    return Section(
        "effects", say("What each feature does", "各特徴量の効果"), join([*parts, *pair_tables(findings, say)])
    )


def _others(others: Sequence[Effect], say: Voice) -> Markup:
    rows = [
        [
            effect.feature.title(say.lang),
            say.times(effect.factor[effect.share > 0].min(initial=1.0)),
            say.times(effect.factor[effect.share > 0].max(initial=1.0)),
        ]
        for effect in others
    ]
    shown = Table(
        caption=say("Features of less worth", "貢献度が比較的低い特徴量"),
        head=[say("Feature", "特徴量"), say("Least odds", "最小のオッズ"), say("Greatest odds", "最大のオッズ")],
        rows=rows,
    )
    return join([heading(shown.caption), table(shown)])
