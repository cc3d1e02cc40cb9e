"""Reasons: how many percentage points of a prospect's risk each feature is answerable for.

Aumann-Shapley values (Aumann and Shapley, Values of Non-Atomic Games, 1974): the risk is followed along the straight
path, in the space of effects, from a typical customer to the prospect, and each feature is credited with the slope in
its own direction. Two typical customers stand for the book, the means of its less risky and of its riskier half:
measured from the book's one centre, values are further from those of Shapley (figures: docs/decisions/reasons.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training.personperiods import Floats
from training.tables import Tables, softplus

REFERENCES = 2

# Gauss-Legendre with six nodes integrates each path from 0 to 1 to within 0.001 points of risk.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class Paths(NamedTuple):
    """The P = references * nodes points of support: log-odds there are origin[p] + step[p] * (effects of x).

    origin: baseline and the reference's share of the path, [P, G]. step: how far along, [P].
    weight: of the quadrature, [P]. start: effects of the reference that the path starts from, [P, F, G].
    """

    origin: Floats
    step: Floats
    weight: Floats
    start: Floats


class Attribution(NamedTuple):
    """Points of n prospects: they add up to 100 * (risk - mean risk of the book) and average zero over the book.

    mean: of the raw path values over the book, [F].
    """

    tables: Tables
    paths: Paths
    mean: Floats

    @classmethod
    def over(cls, tables: Tables, x: NDArray[np.float32], weight: Floats) -> Attribution:
        """Lay the paths from the typical customers of the book `x` [n, F], each of some `weight` [n]."""
        halves = np.array_split(np.argsort(tables.risk(x), kind="stable"), min(REFERENCES, len(x)))
        start = np.stack([_mean_effects(tables, x[half], weight[half]) for half in halves])  # [R, F, G]
        share = np.array([weight[half].sum() for half in halves])
        nodes = (_NODES + 1) / 2
        paths = Paths(
            origin=np.concatenate([tables.baseline + (1 - nodes[:, None]) * s.sum(axis=0) for s in start]),
            step=np.tile(nodes, len(start)),
            weight=np.outer(share / share.sum(), _WEIGHTS / 2).ravel(),
            start=np.repeat(start, len(nodes), axis=0),
        )
        uncentred = cls(tables, paths, np.zeros(x.shape[1]))
        return uncentred._replace(mean=np.average(uncentred.points(x), axis=0, weights=weight))

    def points(self, x: NDArray[np.float32]) -> Floats:
        """Each feature's points, in percentage points of risk within the horizon. Shape [n, F]."""
        return np.concatenate([self._points(effects) for effects in self.tables.effects_of(x)])

    def _points(self, effects: Floats) -> Floats:
        """100 * sum_p weight_p sum_g (f_j[g] - start_pj[g]) S_H h_g n_g at p; n_g horizon periods in segment g."""
        paths, n = self.paths, self.tables.grid.periods_in_horizon
        log_odds = paths.origin + paths.step[:, None] * effects.sum(axis=1)[:, None, :]  # [m, P, G]
        survival = np.exp(-softplus(log_odds) @ n)
        slope = 100.0 * (paths.weight * survival)[:, :, None] * expit(log_odds) * n
        raw: Floats = np.einsum("mjg,mg->mj", effects, slope.sum(axis=1)) - np.einsum("pjg,mpg->mj", paths.start, slope)
        return raw - self.mean


def _mean_effects(tables: Tables, x: NDArray[np.float32], weight: Floats) -> Floats:
    chunks = zip(tables.effects_of(x), tables.chunks(weight), strict=True)
    total = sum(np.einsum("m,mjg->jg", each, effects) for effects, each in chunks)
    mean: Floats = total / weight.sum()
    return mean
