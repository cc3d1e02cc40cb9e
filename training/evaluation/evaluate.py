"""Evaluation: how well survival curves match the lifetimes of customers that the model has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from models.bundle import Bundle
from training.economics.values import customer_weights
from training.errors import DataError
from training.evaluation.calibration import Decile, Gain, GroupCalibration, deciles, gains, groups
from training.evaluation.holdout import HeldOut
from training.evaluation.measure import CohortMetrics, measure, within
from training.evaluation.metrics import Weighed, expected_events, resamples
from training.evaluation.splits import CUSTOMERS, Split, followed
from training.progress import bar
from training.reading.book import Book
from training.reading.encode import encode
from training.reading.labelled import labelled
from training.reading.lifetimes import lifetimes

CHUNK_ROWS = 8192

REPLICATES = 200
"""Bootstrap resamples of the customers: enough for the ends of a 95 % interval, to a tenth of its width."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """How well a model predicts customers that it has not seen.

    on: which customers, in words. split, note: see HeldOut. horizon: H, in periods. overall: all customers. cohorts: a
    row each. calibration: by deciles of predicted risk. deciles_hold: how many of them hold. gains: per percentile,
    riskiest first. groups: expected over observed per value of some columns.
    """

    on: str
    split: Split
    note: str
    horizon: int
    overall: CohortMetrics
    cohorts: tuple[CohortMetrics, ...]
    calibration: tuple[Decile, ...]
    deciles_hold: int
    gains: tuple[Gain, ...]
    groups: tuple[GroupCalibration, ...]


def evaluate(
    held_out: HeldOut,
    horizon: int,
    on: str,
    by: Sequence[pl.Series] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> Evaluation:
    """Compare predicted survival with what happened.

    Args:
        held_out: at least one customer, all at risk in some period.
        horizon: H, in periods.
        on: a name for these customers.
        by: columns of the clean book frame, whose groups are to be calibrated too.
        progress: told the share of the work that is done.
    """
    risk = 1.0 - held_out.survival[:, horizon - 1]
    weights = resamples(held_out.weight, REPLICATES)
    people = Weighed.over(held_out.lives, weights, max(horizon, int(held_out.lives.exit.max())))
    overall = measure("all", held_out, people, horizon)
    cohorts = []
    for number, name in enumerate(held_out.cohorts):
        progress((1 + number) / (1 + len(held_out.cohorts)))
        which = held_out.cohort == number
        part = Weighed.over(held_out.lives.take(which), weights[which], len(people.at_risk))
        cohorts.append(measure(name, held_out.take(which), part, horizon))
    calibrated = deciles(risk, held_out.lives, held_out.weight, horizon)
    happened = within(held_out.lives, held_out.survival.shape[1]).astype(np.float64)
    expected = expected_events(held_out.survival, held_out.lives)
    progress(1.0)
    return Evaluation(
        on=on,
        split=held_out.split,
        note=held_out.note,
        horizon=horizon,
        overall=overall,
        cohorts=tuple(cohorts),
        calibration=calibrated,
        deciles_hold=sum(decile.holds is True for decile in calibrated),
        gains=gains(risk, people, horizon),
        groups=groups(expected, happened, weights, [column.gather(held_out.rows) for column in by]),
    )


def evaluate_bundle(bundle: Bundle, path: Path, now: datetime) -> Evaluation:
    """How well a bundle predicts the customers of the labelled book at `path`.

    Raises:
        TrainingError: the book or its data cannot be used, or counts time in another unit than the bundle.
    """
    manifest = bundle.manifest
    with bar("reading") as progress:
        book, frame = labelled(bundle, path, now, progress)
    with bar("evaluating") as progress:
        lives = lifetimes(book, frame)
        rows = np.flatnonzero(lives.observed)
        if not len(rows):
            raise DataError(f"{book.source.data}: nobody has completed a period; add customers who signed up earlier")
        if len(rows) > CUSTOMERS:
            rows = np.sort(np.random.default_rng(0).choice(rows, CUSTOMERS, replace=False))
        people = frame[rows]
        x = encode(manifest.contract, people)
        chunks = [bundle.scorer(x[start : start + CHUNK_ROWS])[0] for start in range(0, len(x), CHUNK_ROWS)]
        held_out = HeldOut(
            rows=rows,
            survival=np.concatenate(chunks).astype(np.float64),
            lives=lives.take(rows),
            weight=customer_weights(book, people),
            followed=followed(book, people),
            cohort=np.zeros(len(rows), dtype=np.int64),
            cohorts=(),
            split="none",
        )
        return evaluate(held_out, manifest.horizons[0], book.source.data, grouping(book, frame), progress)


def grouping(book: Book, frame: pl.DataFrame) -> list[pl.Series]:
    """The columns of a clean frame that calibration looks into: segments, then categories among the features."""
    names = [*book.segments.values(), *(feature.name for feature in book.features if feature.kind == "category")]
    return [frame[name] for name in dict.fromkeys(names) if name in frame.columns]
