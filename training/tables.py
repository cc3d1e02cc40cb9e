"""The additive tables: one per feature, over its bins and the segments of time; they are the model.

A feature's rows are: 0 missing, then one per bin in ascending order. A category's first bin is the unknown one (-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.personperiods import Floats, Ints, TimeGrid

MAX_CATEGORIES = 254
"""The boosted trees count at most 255 bins; one is kept for missing."""

CHUNK_ROWS = 4096
"""Prospects computed at a time: 4,096 of 100 features over 16 segments take 52 MB."""

Decide = Callable[[Floats], Floats]


class Bins(NamedTuple):
    """How one feature's values fall into rows.

    edges: float32, ascending; row 1 + k holds edges[k - 1] < x <= edges[k].
    learned: which rows training has seen, [len(edges) + 2].
    """

    edges: NDArray[np.float32]
    categorical: bool
    learned: NDArray[np.bool_]

    @classmethod
    def of(cls, column: NDArray[np.float32], max_bins: int, *, categorical: bool) -> Bins:
        """Bin a training column: one bin per category, or `max_bins` quantiles of a number.

        Raises:
            ValueError: a category code that is no whole number, or more categories than the trees can tell apart.
        """
        seen = np.unique(column[~np.isnan(column)])
        edges = _category_edges(seen) if categorical else _number_edges(column, seen, max_bins)
        learned = np.zeros(len(edges) + 2, dtype=np.bool_)
        learned[np.unique(_rows(column, edges))] = True
        if categorical:
            learned[1] = False  # unknown: rare categories that share the code taught nothing about the next one
        else:
            learned[1:] = len(seen) > 0  # a number between two seen ones belongs to a bin all the same
        learned[0] |= not learned.any()
        return cls(edges, categorical, learned)

    def rows(self, column: NDArray[np.float32]) -> Ints:
        """The row of each value. Shape [n]."""
        return _rows(column, self.edges)

    def as_input(self, rows: Ints | NDArray[np.intp]) -> Floats:
        """What the boosted trees see of a row: the bin's number, NaN when missing or unknown."""
        if not self.learned[1:].any():
            return np.zeros(len(rows))  # the trees take no column of nothing but NaN
        bins = rows.astype(np.float64) - (2 if self.categorical else 1)
        bins[rows == 0] = np.nan
        bins[bins < 0] = np.nan
        return bins


class Tables(NamedTuple):
    """The fitted model: logit h(x, g) = baseline[g] + sum_j effects[j][row_j(x), g].

    baseline: float64 [G]. effects: per feature float64 [rows, G], of mean zero over the book; unlearned rows are 0.
    """

    bins: list[Bins]
    baseline: Floats
    effects: list[Floats]
    grid: TimeGrid

    @classmethod
    def collapse(cls, decide: Decide, bins: list[Bins], rows: Ints, weight: Floats, grid: TimeGrid) -> Tables:
        """Read an additive ensemble through its decision function, one point per cell, and centre it over the book.

        Args:
            decide: log-odds of rows [m, F + 1], features as `Bins.as_input` gives them and the segment last.
            bins: of each feature.
            rows: of the training book, [n, F].
            weight: of each customer, [n].
            grid: segments of time.
        """
        segments = np.arange(grid.segments, dtype=np.float64)
        origin = np.array([b.as_input(np.array([np.flatnonzero(b.learned)[-1]]))[0] for b in bins])
        baseline = decide(_cross(origin[None, :], segments))
        effects = []
        for j, feature in enumerate(bins):
            points = np.repeat(origin[None, :], len(feature.learned), axis=0)
            points[:, j] = feature.as_input(np.arange(len(feature.learned)))
            table = decide(_cross(points, segments)).reshape(len(points), -1) - baseline
            share = np.bincount(rows[:, j], weights=weight, minlength=len(points)) * feature.learned
            effects.append((table, share / (share.sum() or 1.0)))
        baseline = baseline + sum((share @ table for table, share in effects), np.zeros(grid.segments))
        centred = [
            np.where(feature.learned[:, None], table - share @ table, 0.0)
            for feature, (table, share) in zip(bins, effects, strict=True)
        ]
        merged = [_merge(feature, table) for feature, table in zip(bins, centred, strict=True)]
        return cls([feature for feature, _ in merged], baseline, [table for _, table in merged], grid)

    def survival(self, x: NDArray[np.float32]) -> Floats:
        """S(t | x) for t = 1..T. Shape [n, T]."""
        log_odds = (effects.sum(axis=1) + self.baseline for effects in self.effects_of(x))
        return np.concatenate([np.exp(-softplus(each) @ self.grid.periods_until) for each in log_odds])

    def risk(self, x: NDArray[np.float32]) -> Floats:
        """P(event within the horizon). Shape [n]."""
        return 1.0 - self.survival(x)[:, self.grid.horizon - 1]

    def effects_of(self, x: NDArray[np.float32]) -> Iterator[Floats]:
        """f_j of each prospect and feature, [m, F, G], chunk by chunk of the rows of x."""
        tables = list(zip(self.bins, self.effects, strict=True))
        for chunk in self.chunks(x):
            yield np.stack([table[feature.rows(chunk[:, j])] for j, (feature, table) in enumerate(tables)], axis=1)

    @staticmethod
    def chunks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """The rows in the chunks that bound memory."""
        return (rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS))


def softplus(x: Floats) -> Floats:
    """log(1 + e^x): of the log-odds of a hazard h it is -log(1 - h)."""
    return np.logaddexp(0.0, x)


def _number_edges(column: NDArray[np.float32], seen: NDArray[np.float32], max_bins: int) -> NDArray[np.float32]:
    if len(seen) > max_bins:
        cuts = np.quantile(column[~np.isnan(column)], np.arange(1, max_bins) / max_bins, method="lower")
        seen = np.unique(np.append(cuts, seen[-1]))
    between = ((seen[1:].astype(np.float64) + seen[:-1]) / 2).astype(np.float32)
    return np.where(between < seen[1:], between, seen[:-1])  # rounded down: an edge must not reach the value above it


def _category_edges(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    count = int(seen.max(initial=-1)) + 1
    if not np.array_equal(seen, np.round(seen)) or seen.min(initial=0) < -1:
        raise ValueError("category codes must be whole numbers from 0 on, or -1 for unknown")
    if count > MAX_CATEGORIES:
        raise ValueError(
            f"a categorical feature has {count} categories, more than {MAX_CATEGORIES}; group the rare ones"
        )
    return np.arange(count, dtype=np.float32) - np.float32(0.5)


def _rows(column: NDArray[np.float32], edges: NDArray[np.float32]) -> Ints:
    return np.where(np.isnan(column), 0, np.searchsorted(edges, column) + 1)


def _merge(feature: Bins, table: Floats) -> tuple[Bins, Floats]:
    """Drop the edges between bins of a number that no tree has told apart."""
    if feature.categorical:
        return feature, table
    differs = (table[2:] != table[1:-1]).any(axis=1)
    keep = np.concatenate([[True, True], differs])
    return Bins(feature.edges[differs], categorical=False, learned=feature.learned[keep]), table[keep]


def _cross(points: Floats, segments: Floats) -> Floats:
    return np.column_stack([np.repeat(points, len(segments), axis=0), np.tile(segments, len(points))])
