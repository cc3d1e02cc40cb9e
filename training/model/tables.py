"""The additive tables: per feature and per pair of features, over bins and segments of time; they are the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.model.bins import Bins
from training.model.personperiods import Floats, Ints, TimeGrid

CHUNK_ROWS = 4096
"""Prospects computed at a time: 4,096 of 100 features over 16 segments take 52 MB."""

MERGED_BINS = 16
"""Quantiles of a number that stay apart though the model treats them alike: another sample may not have."""

Decide = Callable[[Floats], Floats]


class Pair(NamedTuple):
    """What two features do together beyond what each does alone: [rows of first, rows of second, G]."""

    first: int
    second: int
    effects: Floats


class Tables(NamedTuple):
    """The fitted model: logit h(x, g) = baseline[g] + sum_j effects[j][row_j(x), g] + sum of the pairs' effects.

    baseline: float64 [G]. effects: per feature float64 [rows, G], of mean zero over the book; unlearned rows are 0.
    pairs: pure, their means over the book are zero along either feature.
    """

    bins: list[Bins]
    baseline: Floats
    effects: list[Floats]
    pairs: list[Pair]
    grid: TimeGrid

    def survival(self, x: NDArray[np.float32]) -> Floats:
        """S(t | x) for t = 1..T. Shape [n, T]."""
        periods = self.grid.periods_until
        return np.concatenate([np.exp(-softplus(each) @ periods) for each in self._log_odds(x)])

    def risk(self, x: NDArray[np.float32]) -> Floats:
        """P(event within the horizon). Shape [n]."""
        periods = self.grid.periods_in_horizon
        return np.concatenate([1.0 - np.exp(-softplus(each) @ periods) for each in self._log_odds(x)])

    def log_odds(self, x: NDArray[np.float32]) -> Floats:
        """Log-odds of the hazard in each segment of time. Shape [n, G]."""
        return np.concatenate(list(self._log_odds(x)))

    def rows(self, x: NDArray[np.float32]) -> Ints:
        """The row of each feature's table that each prospect falls into. Shape [n, F]."""
        return np.column_stack([feature.rows(x[:, j]) for j, feature in enumerate(self.bins)])

    def effects_of(self, x: NDArray[np.float32]) -> Iterator[Floats]:
        """What each feature adds for each prospect, half of its pairs included, [m, F, G], chunk by chunk of x."""
        for chunk in self.chunks(x):
            rows = self.rows(chunk)
            effects = np.stack([table[rows[:, j]] for j, table in enumerate(self.effects)], axis=1)
            for pair in self.pairs:
                half = pair.effects[rows[:, pair.first], rows[:, pair.second]] / 2
                effects[:, pair.first] += half
                effects[:, pair.second] += half
            yield effects

    def _log_odds(self, x: NDArray[np.float32]) -> Iterator[Floats]:
        return (effects.sum(axis=1) + self.baseline for effects in self.effects_of(x))

    @staticmethod
    def chunks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """The rows in the chunks that bound memory."""
        return (rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS))


def collapse(
    decide: Decide, bins: list[Bins], pairs: Sequence[tuple[int, int]], rows: Ints, weight: Floats, grid: TimeGrid
) -> Tables:
    """Read an additive ensemble through its decision function, one point per cell, and centre it over the book.

    Args:
        decide: log-odds of rows [m, F + 1], features as `Bins.as_input` gives them and the segment last.
        bins: of each feature.
        pairs: features that the ensemble may combine.
        rows: of the training book, [n, F].
        weight: of each customer, [n].
        grid: segments of time.
    """
    segments = np.arange(grid.segments, dtype=np.float64)
    origin = np.array([b.as_input(np.array([np.flatnonzero(b.learned)[-1]]))[0] for b in bins])
    baseline = decide(_cross(origin[None, :], segments))

    def along(*features: int) -> Floats:
        """Log-odds over the rows of some features, the others at the origin, less those at the origin."""
        inputs = [bins[j].as_input(np.arange(len(bins[j].learned))) for j in features]
        points = np.repeat(origin[None, :], np.prod([len(each) for each in inputs]), axis=0)
        for j, values in zip(features, np.meshgrid(*inputs, indexing="ij"), strict=True):
            points[:, j] = values.ravel()
        shape = (*(len(each) for each in inputs), grid.segments)
        return decide(_cross(points, segments)).reshape(shape) - baseline

    effects = [along(j) for j in range(len(bins))]
    joint = [Pair(a, b, along(a, b) - effects[a][:, None] - effects[b][None, :]) for a, b in pairs]
    for pair in joint:
        _purify(pair, effects, bins, rows, weight)
    shares = [_share(feature, rows[:, j], weight) for j, feature in enumerate(bins)]
    means = [share @ table for share, table in zip(shares, effects, strict=True)]
    centred = [
        np.where(feature.learned[:, None], table - mean, 0.0)
        for feature, table, mean in zip(bins, effects, means, strict=True)
    ]
    return Tables(bins, baseline + sum(means, np.zeros(grid.segments)), centred, joint, grid)


def merge(tables: Tables, rows: Ints) -> Tables:
    """Drop the edges between bins of a number that no tree has told apart, but for those between MERGED_BINS quantiles.

    `rows` are of the training book, [n, F].
    """
    keep = []
    for j, (feature, table) in enumerate(zip(tables.bins, tables.effects, strict=True)):
        kept = np.ones(len(feature.learned), dtype=np.bool_)
        if not feature.categorical:
            quantile = np.cumsum(np.bincount(rows[:, j], minlength=len(kept))[1:]) * MERGED_BINS // len(rows)
            kept[2:] = (table[2:] != table[1:-1]).any(axis=1) | (np.diff(quantile) > 0)
            for pair in tables.pairs:
                if j in (pair.first, pair.second):
                    along = pair.effects if j == pair.first else pair.effects.swapaxes(0, 1)
                    kept[2:] |= (along[2:] != along[1:-1]).any(axis=(1, 2))
        keep.append(kept)
    bins = [
        feature
        if feature.categorical
        else Bins(feature.edges[kept[2:]], categorical=False, learned=feature.learned[kept])
        for feature, kept in zip(tables.bins, keep, strict=True)
    ]
    pairs = [Pair(a, b, table[keep[a]][:, keep[b]]) for a, b, table in tables.pairs]
    effects = [table[kept] for table, kept in zip(tables.effects, keep, strict=True)]
    return Tables(bins, tables.baseline, effects, pairs, tables.grid)


def softplus(x: Floats) -> Floats:
    """log(1 + e^x): of the log-odds of a hazard h it is -log(1 - h)."""
    return np.logaddexp(0.0, x)


def _share(feature: Bins, rows: Ints, weight: Floats) -> Floats:
    """How much of the book falls into each learned row."""
    share = np.bincount(rows, weights=weight, minlength=len(feature.learned)) * feature.learned
    return share / (share.sum() or 1.0)


def _purify(pair: Pair, effects: list[Floats], bins: list[Bins], rows: Ints, weight: Floats) -> None:
    """Move a pair's means along either feature into the features' own tables, in place, until none is left.

    Lengerich et al. 2020, Purifying Interaction Effects with the Functional ANOVA; over the book's own distribution,
    with a trace of every learned cell so that the means of empty rows are defined. What their algorithm 1 ends at is
    the table less its least-squares fit by one term per row and one per column: solved for at once, since the
    algorithm needs thousands of rounds where a category has few customers of its own.
    """
    first, second = bins[pair.first].learned, bins[pair.second].learned
    cell = rows[:, pair.first] * len(second) + rows[:, pair.second]
    mass = np.bincount(cell, weights=weight, minlength=len(first) * len(second)).reshape(len(first), len(second))
    learned = np.outer(first, second)
    mass = (mass / weight.sum() + 1e-9) * learned
    table = pair.effects
    table *= learned[:, :, None]
    normal = np.block([[np.diag(mass.sum(axis=1)), mass], [mass.T, np.diag(mass.sum(axis=0))]])
    sums = np.concatenate([(table * mass[:, :, None]).sum(axis=axis) for axis in (1, 0)])
    along_first, along_second = np.split(np.linalg.lstsq(normal, sums)[0], [len(first)])
    effects[pair.first] += along_first * first[:, None]
    effects[pair.second] += along_second * second[:, None]
    table -= (along_first[:, None] + along_second[None, :]) * learned[:, :, None]


def _cross(points: Floats, segments: Floats) -> Floats:
    return np.column_stack([np.repeat(points, len(segments), axis=0), np.tile(segments, len(points))])
