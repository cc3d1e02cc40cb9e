"""Fitting: a book becomes a bundle."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle import BookSummary
from models.contract import Contract
from models.registry import activate, live_version
from training.book import Book, read_book, refuse_future
from training.encode import build_contract, encode
from training.errors import DataError
from training.evaluate import evaluate, grouping
from training.export import ModelCard, draft
from training.hazard import AdditiveHazardClassifier
from training.holdout import hold_out
from training.ingest import ID, Ingested, ingest, summary
from training.lifetimes import Lifetimes, lifetimes, other_exit_survival, structured
from training.progress import bar, say
from training.selection import select

REJECTS, METRICS = "rejects.csv", "metrics.json"

CHURNERS = 20
"""Fewer teach nothing that would hold for the next customer; settings are chosen on thirds of them."""

LISTED = 20
"""Customers that are named one by one before "and more"."""


def fit(path: Path, registry: Path, now: datetime) -> Path:
    """Fit the book at `path`, write its bundle under `registry`, and return the bundle's folder.

    The bundle goes live only when no other is. Rejected rows are listed in `registry/<name>/rejects.csv`.

    Raises:
        TrainingError: the book, its data or the exported model cannot be used.
    """
    book = read_book(path)
    refuse_future(book, now)
    for note in book.notes:
        say(f"note: {note}")
    people = _read(book, registry / book.source.name / REJECTS)
    contract = build_contract(book.features, people.frame)
    x = encode(contract, people.frame)
    lives = lifetimes(book, people.frame)
    _tell_unobserved(people, lives)
    need_churners(book, lives)
    y, weight = structured(lives), weights(book, people.frame)
    with bar("choosing settings") as progress:
        selected = select(template(book, contract), x, y, weight, progress)
    with bar("fitting"):
        estimator = selected.estimator.fit(x, y, weight)
    with bar("bootstrapping") as progress:
        estimator.bootstrap(x, y, weight, progress=progress)
    with bar("evaluating") as progress:
        held_out = hold_out(book, selected.estimator, people.frame, x, lives, weight, progress)
        metrics = evaluate(
            held_out, book.lifetime.horizons[0], "customers held out from the fit", grouping(book, people.frame)
        )
    with bar("exporting") as progress:
        drafted = draft(
            estimator, _card(book, contract, people, lives), x, now, lambda done, total: progress(done / total)
        )
    folder = drafted.write(registry, {METRICS: msgspec.json.format(msgspec.json.encode(metrics), indent=1)})
    if live_version(folder.parent) is None:
        activate(folder)
    return folder


def template(book: Book, contract: Contract) -> AdditiveHazardClassifier:
    """The estimator as the book wants it; the rest of its settings is chosen."""
    where = contract.index
    return AdditiveHazardClassifier(
        horizon=book.lifetime.horizons[0],
        periods=book.periods,
        categorical=tuple(where[feature.name] for feature in contract.features if feature.kind == "category"),
        increasing=tuple(where[name] for name, way in book.monotone.items() if way == "increasing"),
        decreasing=tuple(where[name] for name, way in book.monotone.items() if way == "decreasing"),
    )


def weights(book: Book, frame: pl.DataFrame) -> NDArray[np.float64]:
    """For how many customers each of a clean frame stands. Shape [n]."""
    if book.source.weight is None:
        return np.ones(len(frame))
    return frame[book.source.weight].to_numpy()


def need_churners(book: Book, lives: Lifetimes) -> None:
    """Refuse a book with too few churned customers to learn from."""
    churned = int((lives.event & lives.observed).sum())
    if churned < CHURNERS:
        raise DataError(
            f"{book.source.data}: {churned} customers churned under observation; "
            f"a model needs at least {CHURNERS}, add customers or older ones"
        )


def _read(book: Book, rejects: Path) -> Ingested:
    with bar("reading") as progress:
        people = ingest(book, rejects=rejects, progress=progress)
    if people.rejected:
        say(f"{people.rejected} rows rejected: {summary(people.rejects)}; listed in {rejects}")
    for note in people.notes:
        say(f"note: {note}")
    return people


def _tell_unobserved(people: Ingested, lives: Lifetimes) -> None:
    """Name the customers who were at risk in no period yet: sound rows, from which nothing can be learned."""
    ids = people.frame[ID].filter(~lives.observed)
    if len(ids):
        more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
        say(f"{len(ids)} customers have completed no period under observation: {', '.join(ids.head(LISTED))}{more}")


def _card(book: Book, contract: Contract, people: Ingested, lives: Lifetimes) -> ModelCard:
    others = other_exit_survival(lives, book.periods) if lives.other_exit.any() else np.empty(0)
    return ModelCard(
        name=book.source.name,
        contract=contract,
        horizons=book.lifetime.horizons,
        period=book.source.period,
        currency=book.source.currency,
        money=book.money,
        other_exits=tuple(others.tolist()),
        book=BookSummary(customers=len(lives), churned=int(lives.event.sum()), rejected=people.rejected),
        id_column=book.source.id,
    )
