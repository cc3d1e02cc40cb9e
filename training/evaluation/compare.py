"""Comparison: the model beside what others would fit to the same book, on the same splits in one run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Group
from rich.table import Table

from training.errors import DataError
from training.evaluation.contest import Heat, PeerRow, last_period, play, rank
from training.evaluation.measure import Figure
from training.evaluation.peers import PEERS, Task
from training.evaluation.splits import Split, split
from training.reading.book import read_book, refuse_future
from training.reading.customers import Customers
from training.reading.ingest import ingest
from training.reading.lifetimes import kaplan_meier

CUSTOMERS = 10_000
"""Customers that a model learns from, and that are judged: a survival forest takes minutes for more."""

FEWEST = 300
"""Customers that a comparison takes; the smallest book that we speak of."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Our model, first, and its peers.

    fingerprint: of the book's customers, see `fingerprint`. customers: in the book. compared: how many were judged, at
    random if there were more. split, note: see HeldOut. splits: how many. tau: the last period that the C-index and the
    integrated Brier score look at. kaplan_meier_churn: within the horizon, mean over the splits. rows: ours first.
    left_out: peers that could not be fitted, and why.
    """

    name: str
    fingerprint: str
    customers: int
    compared: int
    split: Split
    note: str
    splits: int
    horizon: int
    tau: int
    kaplan_meier_churn: float
    rows: tuple[PeerRow, ...]
    left_out: dict[str, str]


def compare(
    path: Path, now: datetime, customers: int = CUSTOMERS, progress: Callable[[float], None] = lambda _: None
) -> Comparison:
    """Fit our model and its peers on the same splits of the book at `path`, and measure them on the same customers.

    Args:
        path: of the book.
        now: a book observed until later is refused.
        customers: that a model learns from, and that are judged, at random if there are more.
        progress: told the share of the models that are fitted.

    Raises:
        TrainingError: the book or its data cannot be used.
    """
    if customers < FEWEST:
        raise DataError(f"compare: {customers} customers are too few to tell models apart; take {FEWEST} or more")
    book = read_book(path)
    refuse_future(book, now)
    sample = Customers.of(book, ingest(book).frame)
    x, lives, weight, ours = sample.x, sample.lives, sample.weight, sample.estimator
    plan = split(book, sample.frame, lives, customers)
    heats = [
        Heat(
            Task(x[part.train], part.known, weight[part.train], ours),
            x[part.test],
            lives.take(part.test),
            weight[part.test],
        )
        for part in plan.parts
    ]
    played, tau = play(heats, PEERS, progress), last_period(heats)
    return Comparison(
        name=book.source.name,
        fingerprint=sample.fingerprint,
        customers=len(lives),
        compared=sum(len(part.test) for part in plan.parts),
        split=plan.split,
        note=plan.note,
        splits=len(heats),
        horizon=ours.horizon,
        tau=tau,
        kaplan_meier_churn=round(
            1.0 - float(np.mean([kaplan_meier(h.lives, ours.horizon, h.weight)[-1] for h in heats])), 6
        ),
        rows=rank(heats, played, tau),
        left_out=played.left_out,
    )


def tables(comparison: Comparison) -> Group:
    """For people: the metrics of every model, and by how much ours is worse, with the interval."""
    metrics = Table(
        title=f"{comparison.name}: {comparison.compared:,} of {comparison.customers:,} customers judged,"
        f" {comparison.splits} splits by {comparison.split}, horizon {comparison.horizon}",
        caption=f"Churned within the horizon (Kaplan-Meier): {comparison.kaplan_meier_churn:.3f}",
    )
    losses = Table(caption="By how much ours is worse, 95 % by paired customer bootstrap")
    for shown, columns in (
        (metrics, ("C-index", "AUC", "Brier", "int. Brier", "mean risk", "fit s")),
        (losses, ("loss in C-index", "loss in AUC", "loss in int. Brier")),
    ):
        shown.add_column("model")
        for column in columns:
            shown.add_column(column, justify="right", no_wrap=True)
    for row in comparison.rows:
        figures = (row.c_index_ipcw, row.auc_at_horizon, row.brier_at_horizon, row.integrated_brier, row.mean_risk)
        metrics.add_row(row.name, *map(_number, figures), f"{row.fit_seconds:.1f}")
        lost = (row.loss_c_index_ipcw, row.loss_auc_at_horizon, row.loss_integrated_brier)
        if any(lost):
            losses.add_row(row.name, *map(_interval, lost))
    left_out = [f"{name}: left out, {reason}" for name, reason in comparison.left_out.items()]
    return Group(metrics, losses, *left_out)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _interval(loss: Figure | None) -> str:
    return "" if loss is None else f"{loss.value:+.4f}\n{loss.low:+.4f} .. {loss.high:+.4f}"
