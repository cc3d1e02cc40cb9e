"""The back-test of a bundle on a book: nobody is judged by a model that has seen him."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from models.assess import Assessor
from models.bundle import Bundle
from models.contract import Vector
from models.errors import PolicyError
from models.policy import Policy, read_policy
from models.registry import live_policy
from training.backtest.backtest import Absent, Backtest, backtest
from training.backtest.texts import asked, cross_fitted
from training.economics.texts import Text
from training.economics.values import customer_weights, money_inputs
from training.errors import DataError
from training.evaluation.holdout import hold_out
from training.evaluation.splits import CUSTOMERS, Ints
from training.model.hazard import AdditiveHazardClassifier
from training.progress import bar
from training.reading.book import Book
from training.reading.customers import fingerprint
from training.reading.encode import encode
from training.reading.labelled import labelled
from training.reading.lifetimes import Floats, Lifetimes, lifetimes


def backtest_book(bundle: Bundle, path: Path, policy_file: Path | None, now: datetime) -> Backtest:
    """Back-test a policy on the customers of the labelled book at `path`, at most CUSTOMERS of them at random.

    Args:
        bundle: the model. If it was fitted on these customers, copies of it with the same settings judge those whom
            they were not fitted on; else it judges them itself.
        path: of the book.
        policy_file: the policy; the model's live one if None.
        now: today.

    Raises:
        TrainingError: the book or its data cannot be used, or tells nothing about money.
        PolicyError: the policy does not parse or does not fit the model.
    """
    policy = live_policy(bundle.folder.parent) if policy_file is None else _policy(policy_file)
    assessor = Assessor(bundle, policy)  # before anything is read: the policy may not fit the model
    manifest = bundle.manifest
    with bar("reading") as progress:
        book, frame = labelled(bundle, path, now, progress)
    x, lives = encode(manifest.contract, frame), lifetimes(book, frame)
    rows, survival, on = _survival(bundle, book, frame, x, lives)
    columns = money_inputs(manifest.money, manifest.contract, frame[rows])
    scored = bundle.scorer(x[rows])._replace(survival=survival.astype(np.float32))
    judged = assessor.judge(x[rows], scored, columns)
    with bar("drawing customers anew") as progress:
        weight = customer_weights(book, frame)[rows]
        tested = backtest(assessor, judged, lives.take(rows), columns, weight, on, progress=progress)
    if isinstance(tested, Absent):
        raise DataError(f"{path}: {tested.why['en']}")
    return tested


def _survival(
    bundle: Bundle, book: Book, frame: pl.DataFrame, x: Vector, lives: Lifetimes
) -> tuple[Ints, Floats, Text]:
    """Whom to judge, their curves by models that have not seen them, and how that was done."""
    if fingerprint(x, lives) == bundle.manifest.book.fingerprint:
        estimator = AdditiveHazardClassifier(**bundle.manifest.settings["estimator"])
        with bar("fitting without those judged") as progress:
            held_out = hold_out(book, estimator, frame, x, lives, customer_weights(book, frame), progress)
        return held_out.rows, held_out.survival, cross_fitted(held_out.split)
    rows = np.flatnonzero(lives.observed)
    if len(rows) > CUSTOMERS:
        rows = np.sort(np.random.default_rng(0).choice(rows, CUSTOMERS, replace=False))
    return rows, bundle.scorer(x[rows]).survival.astype(np.float64), asked(book.source.data)


def _policy(path: Path) -> Policy:
    try:
        return read_policy(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8") from error
