"""Fitting: a book becomes a bundle."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from models.bundle import BookSummary
from models.contract import Contract
from models.registry import activate, live_version
from training.book import Book, read_book
from training.encode import build_contract, encode
from training.evaluate import evaluate
from training.export import ModelCard, export_bundle
from training.hazard import AdditiveHazardClassifier
from training.ingest import ID, Ingested, ingest, summary
from training.lifetimes import Lifetimes, lifetimes, other_exit_survival, structured
from training.progress import bar, say

REJECTS, METRICS = "rejects.csv", "metrics.json"

LISTED = 20
"""Customers that are named one by one before "and more"."""


def fit(path: Path, registry: Path, now: datetime) -> Path:
    """Fit the book at `path`, write its bundle under `registry`, and return the bundle's folder.

    The bundle goes live only when no other is. Rejected rows are listed in `registry/<name>/rejects.csv`.

    Raises:
        TrainingError: the book, its data or the exported model cannot be used.
    """
    book = read_book(path)
    for note in book.notes:
        say(f"note: {note}")
    people = _read(book, registry / book.source.name / REJECTS)
    contract = build_contract(book.features, people.frame)
    x = encode(contract, people.frame)
    lives = lifetimes(book, people.frame)
    _tell_unobserved(people, lives)
    estimator = AdditiveHazardClassifier(
        horizon=book.lifetime.horizons[0],
        periods=book.periods,
        categorical=tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category"),
    )
    with bar("fitting"):
        estimator.fit(x, structured(lives))
    with bar("evaluating") as progress:
        metrics = evaluate(
            estimator.predict_survival_function,
            x,
            lives,
            book.lifetime.horizons[0],
            "the book it was fitted on (in-sample)",
            progress,
        )
    with bar("exporting") as progress:
        folder = export_bundle(
            estimator,
            _card(book, contract, people, lives),
            x,
            registry,
            now=now,
            extra={METRICS: msgspec.json.format(msgspec.json.encode(metrics), indent=1)},
            progress=lambda done, total: progress(done / total),
        )
    if live_version(folder.parent) is None:
        activate(folder)
    return folder


def _read(book: Book, rejects: Path) -> Ingested:
    with bar("reading") as progress:
        people = ingest(book, rejects=rejects, progress=progress)
    if people.rejected:
        say(f"{people.rejected} rows rejected: {summary(people.rejects)}; listed in {rejects}")
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
