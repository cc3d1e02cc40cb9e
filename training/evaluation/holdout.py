"""Holding out: survival curves of customers by models that have not seen them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import clone

from models.contract import Vector
from training.evaluation.splits import Ints, Split, followed, split
from training.model.hazard import AdditiveHazardClassifier
from training.reading.book import Book
from training.reading.lifetimes import Floats, Lifetimes, structured

Progress = Callable[[float], None]


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """m customers, each judged by a model that was fitted without it.

    rows: positions in the clean book frame, int64 [m]. survival: S(t | x), float64 [m, T]. lives: of these m, as known
    at the end of observation. weight: for how many customers each stands, float64 [m]. followed: completed periods from
    sign-up to the end of observation, for churners too, int64 [m]; None where the book has no dates. cohort: position
    in `cohorts`, int64 [m]. cohorts: sign-up cohorts in order, or folds. split: by what the customers were held out;
    "none" where the model was fitted elsewhere and all may be asked. note: why it was not split by time, or "".
    """

    rows: Ints
    survival: Floats
    lives: Lifetimes
    weight: Floats
    followed: Ints | None
    cohort: Ints
    cohorts: tuple[str, ...]
    split: Split
    note: str = ""

    def take(self, which: NDArray[np.bool_]) -> HeldOut:
        """Some of them, by mask."""
        return msgspec.structs.replace(
            self,
            rows=self.rows[which],
            survival=self.survival[which],
            lives=self.lives.take(which),
            weight=self.weight[which],
            followed=None if self.followed is None else self.followed[which],
            cohort=self.cohort[which],
        )


def hold_out(
    book: Book,
    estimator: AdditiveHazardClassifier,
    frame: pl.DataFrame,
    x: Vector,
    lives: Lifetimes,
    weight: Floats | None = None,
    progress: Progress = lambda _: None,
) -> HeldOut:
    """Judge customers by copies of an estimator that have not seen them.

    Args:
        book: whose customers they are.
        estimator: not fitted; its settings are kept, and if they were chosen on these customers, have seen them.
        frame: clean customers (see training.reading.ingest).
        x: the same encoded, [n, F].
        lives: of the same n.
        weight: for how many customers each stands, [n]; 1 if None.
        progress: told the share of the models that are fitted.
    """
    weight = np.ones(len(x)) if weight is None else weight
    plan = split(book, frame, lives)
    survival = []
    for done, part in enumerate(plan.parts, 1):
        fitted = clone(estimator).fit(x[part.train], structured(part.known), weight[part.train])
        survival.append(fitted.predict_survival_function(x[part.test]))
        progress(done / len(plan.parts))
    rows = np.concatenate([part.test for part in plan.parts])
    return HeldOut(
        rows=rows,
        survival=np.concatenate(survival),
        lives=lives.take(rows),
        weight=weight[rows],
        followed=followed(book, frame[rows]),
        cohort=np.repeat(np.arange(len(plan.parts)), [len(part.test) for part in plan.parts]),
        cohorts=tuple(part.name for part in plan.parts),
        split=plan.split,
        note=plan.note,
    )
