"""Risk sets: groups of customers counted, or summed, period by period.

Whoever is in a group at risk in periods entry + 1 .. exit counts there with its weight, which may be an amount.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]
Shape = tuple[int, int]
"""Groups and periods, (G, L)."""

NOBODY = 1e-9
"""Weight up to which nobody is there: what adding and taking away fractions leaves over."""


def exposed(group: Ints, entry: Ints, last: Ints, weight: Floats, shape: Shape) -> Floats:
    """Sum of the weights of those at risk in period t = 1..L, by group. Shape [G, L].

    Args:
        group: of each customer, 0..G-1 [n].
        entry: periods already passed when each came under observation [n].
        last: the last period at risk [n]; who has none after `entry` does not count.
        weight: of each customer [n].
        shape: (G, L).
    """
    groups, periods = shape
    weight = np.where(last > entry, weight, 0.0)
    begun, over = (_by_cell(group, np.minimum(when, periods), weight, groups, periods + 1) for when in (entry, last))
    at_risk: Floats = np.cumsum(begun - over, axis=1)[:, :periods]
    return at_risk


def tally(group: Ints, when: Ints, weight: Floats, shape: Shape) -> Floats:
    """Sum of the weights of those to whom it happens in period t = 1..L, by group. Shape [G, L].

    Args:
        group: of each customer, 0..G-1 [n].
        when: the period in which it happens [n]; below 1 and above L it does not count.
        weight: of each customer [n].
        shape: (G, L).
    """
    groups, periods = shape
    return _by_cell(group, np.clip(when, 0, periods + 1), weight, groups, periods + 2)[:, 1:-1]


def per_group(group: Ints, weight: Floats, groups: int) -> Floats:
    """Sum of the weights by group. Shape [G]."""
    total: Floats = np.bincount(group, weight, minlength=groups).astype(np.float64)
    return total


def per_head(amount: Floats, at_risk: Floats, where_nobody: Floats | float) -> Floats:
    """Amount, or number of events, per head at risk; `where_nobody` is at risk, that instead. Shape of `at_risk`."""
    instead = np.array(np.broadcast_to(where_nobody, at_risk.shape))
    rate: Floats = np.divide(amount, at_risk, out=instead, where=at_risk > NOBODY)
    return rate


def _by_cell(group: Ints, column: Ints, weight: Floats, groups: int, columns: int) -> Floats:
    cell = group.astype(np.int64) * columns + column
    return per_group(cell, weight, groups * columns).reshape(groups, columns)
