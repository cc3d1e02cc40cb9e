"""Pairs: what two features do together beyond what each does alone, as a table of factors."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from training.model.tables import Pair
from training.report.blocks import Table, heading, paragraph, table
from training.report.effects import number_row, value_rows
from training.report.findings import Findings
from training.report.voice import Voice

GROUPS = 5
"""Groups of values that a feature is told in."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def pair_tables(findings: Findings, say: Voice) -> list[Markup]:
    """One table a pair, below a heading; nothing where the model has no pairs."""
    pairs = findings.tables.pairs
    if not pairs:
        return []
    intro = say(
        "Some features matter more, or less, together than their pictures say apart. The factors below multiply the "
        "odds of leaving on top of those above, averaged over the horizon.",
        "組み合わせによって効果が強まる、または弱まる特徴量があります。次の倍率は、上の各図の倍率にさらに掛け合わせるものです（期間全体の平均）。",
    )
    return [heading(say("Features that act together", "組み合わせの効果")), paragraph(intro)] + [
        table(_told(pair, findings, say)) for pair in pairs
    ]


def _told(pair: Pair, findings: Findings, say: Voice) -> Table:
    grid = findings.tables.grid
    mean = pair.effects @ (grid.periods_in_horizon / grid.horizon)
    sides = [_grouped(findings, j, say) for j in (pair.first, pair.second)]
    (first, down), (second, across) = sides
    mass = np.zeros((len(down), len(across)))
    total = np.zeros_like(mass)
    rows = [findings.tables.bins[j].rows(findings.x[:, j]) for j in (pair.first, pair.second)]
    cell = (first[rows[0]], second[rows[1]])
    np.add.at(mass, cell, findings.weight)
    np.add.at(total, cell, findings.weight * mean[rows[0], rows[1]])
    features = findings.manifest.contract.features
    names = [features[j].title(say.lang) for j in (pair.first, pair.second)]
    return Table(
        caption=say(f"{names[0]} (down) and {names[1]} (across)", f"{names[0]}（縦）と{names[1]}（横）"),
        head=[names[0], *across],
        rows=[
            [name, *(say.times(float(np.exp(t / m))) if m else say.number(None) for t, m in zip(*cells, strict=True))]
            for name, *cells in zip(down, total, mass, strict=True)
        ],
    )


def _grouped(findings: Findings, j: int, say: Voice) -> tuple[Ints, list[str]]:
    """For each row of a feature's table the group it is told in, and the groups' names."""
    feature, bins = findings.manifest.contract.features[j], findings.tables.bins[j]
    share = np.bincount(bins.rows(findings.x[:, j]), weights=findings.weight, minlength=len(bins.learned)).astype(
        np.float64
    )
    group = _numbers(share) if feature.kind == "number" else _most(share)
    names = {row: name for name, row in value_rows(feature, bins, say)}
    told = []
    for k in range(int(group.max()) + 1):
        rows = np.flatnonzero((group == k) & (share > 0))
        if feature.kind == "number" and rows[0] > 0:
            last = k == group.max() and rows[0] > 1
            told.append(number_row(bins, int(rows[0] - 1 if last else rows[-1]), say, above=last))
        else:
            told.append(names.get(int(rows[0]), "") if len(rows) == 1 else say("others", "その他"))
    return group, told


def _numbers(share: Floats) -> Ints:
    """Missing on its own, then groups of about equal share in ascending order."""
    present = share[1:]
    middle = (np.cumsum(present) - present / 2) / max(present.sum(), 1e-12)
    _, group = np.unique((middle * GROUPS).astype(np.int64), return_inverse=True)
    return np.concatenate([[0], group + int(share[0] > 0)]).astype(np.int64)


def _most(share: Floats) -> Ints:
    """The most frequent values each on its own, all others together; rows that nobody is in are in the last group."""
    order = np.argsort(-share, kind="stable")
    seen = int((share > 0).sum())
    own = order[: seen if seen <= GROUPS else GROUPS - 1]
    group = np.full(len(share), len(own) if seen > GROUPS else len(own) - 1, dtype=np.int64)
    group[own] = np.arange(len(own))
    return group
