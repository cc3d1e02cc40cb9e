"""Bins: how the values of one feature fall into the rows of its table.

Row 0 is missing, then comes one row per bin in ascending order. A category's first bin is the unknown one (-1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Not from training.model.personperiods: it brings scikit-learn, which takes longer to load than a file to score.
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CATEGORIES = 254
"""The boosted trees count at most 255 bins; one is kept for missing."""


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
            learned[1] = False  # unknown: customers of whom only that is known teach nothing about the next one
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
