"""Effects: what each feature does to the odds of leaving, read off the model's tables for people to look at."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Feature
from training.model.bins import Bins
from training.model.tables import Tables
from training.report.findings import Findings
from training.report.voice import Voice

Floats = NDArray[np.float64]

WIDE = 1.2816
"""Standard deviations from the middle to either end of an 80 % interval."""

FLAT = 0.01

LEAST_SHARE = 0.02
"""Of the book, for a group to be spoken of in the summary."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature does. Factors multiply the odds of leaving in a period; 1 is the book's average.

    Over its table's rows: share of the book, factor averaged over the horizon with an 80 % interval (None without a
    bootstrap), factor in the first segment of time and in the last. strength: standard deviation over the book of the
    average effect, in log-odds.
    """

    position: int
    feature: Feature
    share: Floats
    factor: Floats
    low: Floats | None
    high: Floats | None
    early: Floats
    late: Floats
    strength: float

    @property
    def flat(self) -> bool:
        """Whether it moves nobody's odds by a percent: the model does not use the feature."""
        seen = self.share > 0
        figures = np.concatenate([self.factor[seen], self.early[seen], self.late[seen]])
        return bool((np.abs(np.log(figures)) < FLAT).all())

    @property
    def changes(self) -> bool:
        """Whether somebody's odds change over time by a quarter or more because of this feature."""
        common = self.share >= LEAST_SHARE
        ratio = np.abs(np.log(self.early[common] / self.late[common]))
        return bool((ratio >= np.log(1.25)).any())


def effects(findings: Findings) -> list[Effect]:
    """Every feature's effect: by worth where it was tried, then by strength."""
    tables = findings.tables
    found = [_effect(findings, tables, j) for j in range(len(tables.bins))]
    tried = () if findings.worth is None else findings.worth.features
    rank = {row.feature: position for position, row in enumerate(tried)}
    return sorted(found, key=lambda e: (rank.get(e.feature.name, len(rank)), -e.strength, e.position))


def value_rows(feature: Feature, bins: Bins, say: Voice) -> list[tuple[str, int]]:
    """A category's or flag's values that training saw, and missing where it did: (name, row of the table)."""
    rows: list[tuple[str, int]] = []
    if feature.kind == "flag":
        codes = bins.rows(np.array([0, 1], dtype=np.float32))
        rows = [(say("No", "いいえ"), int(codes[0])), (say("Yes", "はい"), int(codes[1]))]
    elif feature.kind == "category":
        names = [*feature.categories, *([say("(rare ones)", "（まれな値）")] if feature.rare else [])]
        rows = [(name, row) for row, name in enumerate(names, start=2) if row < len(bins.learned)]
    if bins.learned[0]:
        rows.append((say("(missing)", "（欠損）"), 0))
    return rows


def number_row(bins: Bins, row: int, say: Voice, *, above: bool = False) -> str:
    """The numbers that fall into a row above the first of a number's table, or all `above` it."""
    if not len(bins.edges):
        return say("any", "すべて")
    end = say.number(float(bins.edges[min(row, len(bins.edges)) - 1]), 5)
    end = end.rstrip("0").rstrip(".") if "." in end else end
    return say(f"over {end}", f"{end}超") if above or row > len(bins.edges) else say(f"up to {end}", f"{end}以下")


def segments_of(tables: Tables) -> tuple[int, int]:
    """The last period of the first segment of time, and the first period of the last one."""
    ends = tables.grid.ends
    return int(ends[0]), int(ends[-2]) + 1 if len(ends) > 1 else 1


def _effect(findings: Findings, tables: Tables, j: int) -> Effect:
    table, bins = tables.effects[j], tables.bins[j]
    mean = table @ (tables.grid.periods_in_horizon / tables.grid.horizon)
    rows = bins.rows(findings.x[:, j])
    mass = np.bincount(rows, weights=findings.weight, minlength=len(table)).astype(np.float64)
    share = mass / mass.sum()
    spread = findings.spread[j] if findings.spread else None
    return Effect(
        position=j,
        feature=findings.manifest.contract.features[j],
        share=share,
        factor=np.exp(mean),
        low=None if spread is None else np.exp(mean - WIDE * spread),
        high=None if spread is None else np.exp(mean + WIDE * spread),
        early=np.exp(table[:, 0]),
        late=np.exp(table[:, -1]),
        strength=float(np.sqrt(share @ mean**2)),
    )
