"""Reasons: how many percentage points of a prospect's risk each feature is answerable for.

Aumann-Shapley values (Aumann and Shapley, Values of Non-Atomic Games, 1974): the risk is followed along the straight
path, in the space of effects, from the centre of the book to the prospect, and each feature is credited with the slope
in its own direction. Less their means over the book, they tell the prospect from its average customer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training.model.personperiods import Floats
from training.model.tables import Tables, softplus

NODES = (5, 10, 20, 40)
"""Points of support along a path, fewest first; steep effects need more."""

GAP_POINTS = 0.01
"""How far the points of a customer may be from adding up, for a number of nodes to be enough."""


class Attribution(NamedTuple):
    """Points of n prospects: they add up to 100 * (risk - mean risk of the book) and average zero over the book.

    nodes, weights: of Gauss-Legendre quadrature over the path from 0 to 1, [Q].
    mean: of the values from the centre, over the book, [F].
    """

    tables: Tables
    nodes: Floats
    weights: Floats
    mean: Floats

    @classmethod
    def over(cls, tables: Tables, x: NDArray[np.float32], weight: Floats) -> Attribution:
        """Measure points against the book `x` [n, F], whose customers have some `weight` [n].

        The fewest nodes are taken with which the points of every customer add up to within GAP_POINTS.
        """
        at_centre = 1.0 - np.exp(-softplus(tables.baseline) @ tables.grid.periods_in_horizon)
        gained = 100.0 * (tables.risk(x) - at_centre)
        for count in NODES:
            nodes, weights = np.polynomial.legendre.leggauss(count)
            attribution = cls(tables, (nodes + 1) / 2, weights / 2, np.zeros(x.shape[1]))
            from_centre = attribution.points(x)
            if np.abs(from_centre.sum(axis=1) - gained).max() <= GAP_POINTS:
                break
        return attribution._replace(mean=np.average(from_centre, axis=0, weights=weight))

    def points(self, x: NDArray[np.float32]) -> Floats:
        """Each feature's points, in percentage points of risk within the horizon. Shape [n, F]."""
        return np.concatenate([self._from_centre(effects) for effects in self.tables.effects_of(x)]) - self.mean

    def _from_centre(self, effects: Floats) -> Floats:
        """100 * sum_g f_j[g] * integral over the path of S_H h_g n_g, with n_g the horizon's periods in segment g."""
        n = self.tables.grid.periods_in_horizon
        log_odds = self.tables.baseline + self.nodes[:, None] * effects.sum(axis=1)[:, None, :]  # [m, Q, G]
        survival = np.exp(-softplus(log_odds) @ n)
        slope = np.einsum("q,mq,mqg->mg", self.weights, survival, expit(log_odds)) * n
        values: Floats = 100.0 * np.einsum("mjg,mg->mj", effects, slope)
        return values
