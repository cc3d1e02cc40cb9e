"""Stacks: how the tables of a model lie one below the other in its graph, and how they come apart again."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from training.model.bins import Bins
from training.model.personperiods import Floats


def stack_edges(bins: list[Bins]) -> Floats:
    """The edges of each feature, then infinity, then NaN, which no value is below. Shape [E, F, 1]."""
    edges = np.full((max(len(feature.edges) for feature in bins) + 1, len(bins), 1), np.nan)
    for j, feature in enumerate(bins):
        edges[: len(feature.edges) + 1, j, 0] = [*feature.edges, np.inf]
    return edges


def stack(tables: Sequence[Floats]) -> Floats:
    """Tables [rows, width] of features and [rows, rows, width] of pairs, one below the other. Shape [R, width]."""
    return np.concatenate([_turned(table).reshape(-1, table.shape[-1]) for table in tables])


def unstack(stacked: Floats, shapes: Sequence[tuple[int, ...]]) -> list[Floats]:
    """The tables again, whose numbers of rows are known."""
    parts = np.split(stacked, np.cumsum([prod(shape) for shape in shapes])[:-1])
    return [_turned(part.reshape(*shape, -1)) for part, shape in zip(parts, shapes, strict=True)]


def _turned(table: Floats) -> Floats:
    """Missing first, then the bins from the last to the first, along each axis of rows; its own inverse.

    A value counts the edges that are not below it, so the more it counts the lower its bin.
    """
    axes = tuple(range(table.ndim - 1))
    return np.roll(np.flip(table, axes), (1,) * len(axes), axes)
