"""Evidence: how far the fitted effects may be off, and how many person-periods each of them rests on.

The log cumulative hazard of a prospect is, to first order, linear in the effects. So the replicates of a bootstrap over
customers (Efron and Tibshirani 1993, chapter 6) leave, for every row of every table, one deviation each; those of a
prospect's rows are added replicate by replicate, and their spread is the standard error of its log cumulative hazard.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm, t

from training.model.personperiods import Floats, Ints, SurvivalTarget
from training.model.tables import Tables, softplus

TAIL = 0.9
"""The quantile that an 80 % interval ends at."""


class Evidence(NamedTuple):
    """What stands behind the tables of a model, row by row; R replicates, of which there may be none.

    person_periods: per feature, the periods at risk within the horizon that its row was learned from, [rows].
    deviations, pair_deviations: of the log cumulative hazard within the horizon, scaled so that the root of the sum of
        their squares over the replicates is a standard error; per feature [rows, R], per pair [rows, rows, R].
    baseline: the same of the baseline, [R].
    """

    person_periods: list[Floats]
    deviations: list[Floats]
    pair_deviations: list[Floats]
    baseline: Floats

    @classmethod
    def counted(cls, tables: Tables, rows: Ints, target: SurvivalTarget) -> Self:
        """Person-periods alone, before any replicate is fitted; `rows` are the book's, [n, F]."""
        periods = np.maximum(np.minimum(target.exit, tables.grid.horizon) - target.entry, 0)
        counts = [
            np.bincount(rows[:, j], periods.astype(np.float64), len(feature.learned)).astype(np.float64)
            * feature.learned
            for j, feature in enumerate(tables.bins)
        ]
        return cls(counts, [np.empty((len(each), 0)) for each in counts], [], np.empty(0))

    def with_replicates(self, tables: Tables, replicates: list[Tables], shrink: float) -> Self:
        """The same with the deviations of `replicates`, which have the bins, pairs and grid of `tables`.

        `shrink` scales them, where a replicate was fitted on fewer customers than the model.

        A category that training has not seen, or a missing value, could be any that it has: in each replicate it is
        one of them, drawn by how many person-periods they have.
        """
        grid = tables.grid
        hazard = expit(tables.baseline) * grid.periods_in_horizon
        # d log(sum of n_g softplus(b_g)) / d b_g, at the centre of the book
        slope = hazard / (softplus(tables.baseline) @ grid.periods_in_horizon)
        # As few replicates leave their own spread uncertain, Student's t instead of the normal quantile.
        few = len(replicates) - 1
        scale = shrink * t.ppf(TAIL, few) / norm.ppf(TAIL) / np.sqrt(few)
        rng = np.random.default_rng(0)

        def deviations(effects: list[Floats]) -> Floats:
            summed: Floats = np.stack([each @ slope for each in effects], axis=-1)
            centred: Floats = scale * (summed - summed.mean(axis=-1, keepdims=True))
            return centred

        singles = []
        for j, feature in enumerate(tables.bins):
            own = np.stack([replicate.effects[j] @ slope for replicate in replicates], axis=-1)
            behind = self.person_periods[j] + 1e-9 * feature.learned  # of a book that begins after the horizon: none
            drawn = rng.choice(len(own), len(replicates), p=behind / behind.sum())
            own[~feature.learned] = own[drawn, np.arange(len(replicates))]
            singles.append(scale * (own - own.mean(axis=1, keepdims=True)))
        pairs = [deviations([replicate.pairs[p].effects for replicate in replicates]) for p in range(len(tables.pairs))]
        return self._replace(
            deviations=singles,
            pair_deviations=pairs,
            baseline=deviations([replicate.baseline for replicate in replicates]),
        )

    def of(self, tables: Tables, x: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Standard error of the log cumulative hazard within the horizon, and the support of n prospects, each [n].

        The error is NaN without replicates; the support is the person-periods behind the value that the fewest share.
        """
        rows = tables.rows(x)
        support = np.min([each[rows[:, j]] for j, each in enumerate(self.person_periods)], axis=0)
        if not len(self.baseline):
            return np.full(len(x), np.nan), support
        off = self.baseline + sum(each[rows[:, j]] for j, each in enumerate(self.deviations))
        for pair, each in zip(tables.pairs, self.pair_deviations, strict=True):
            off = off + each[rows[:, pair.first], rows[:, pair.second]]
        return np.sqrt((off**2).sum(axis=1)), support
