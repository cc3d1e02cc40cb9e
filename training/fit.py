"""Fitting: a book becomes a bundle."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from models.bundle import BookSummary
from models.registry import activate, live_version
from training.audit.fairness import refuse_unfair
from training.exporting.export import ModelCard, draft
from training.model.hazard import REPLICATES
from training.model.selection import select
from training.progress import bar, say
from training.reading.book import Book, read_book, refuse_future
from training.reading.customers import Customers
from training.reading.ingest import ID, Ingested, ingest, summary
from training.reading.lifetimes import Lifetimes, other_exit_survival, structured
from training.report.page import render
from training.study import check, study

REJECTS, METRICS, REPORT = "rejects.csv", "metrics.json", "report.html"

LISTED = 20
"""Customers that are named one by one before "and more"."""


def fit(path: Path, registry: Path, now: datetime, replicates: int = REPLICATES) -> Path:
    """Fit the book at `path`, write its bundle under `registry`, and return the bundle's folder.

    The bundle goes live only when no other is. Rejected rows are listed in `registry/<name>/rejects.csv`.

    Args:
        path: of the book.
        registry: folder of the bundles.
        now: the bundle's timestamp.
        replicates: refits from which the intervals are learned; 0 leaves them out, and with them every `do_not_chase`.

    Raises:
        TrainingError: the book, its data or the exported model cannot be used.
    """
    book = read_book(path)
    refuse_future(book, now)
    for note in book.notes:
        say(f"note: {note}")
    home = registry / book.source.name
    people = _read(book, home / REJECTS)
    customers = Customers.of(book, people.frame)
    _tell_unobserved(people, customers.lives)
    checks = check(customers, people.rejected)
    x, y, weight = customers.x, structured(customers.lives), customers.weight
    with bar("choosing settings") as progress:
        selected = select(customers.estimator, x, y, weight, progress)
    with bar("fitting"):
        estimator = selected.estimator.fit(x, y, weight)
    with bar("fitting replicates") as progress:
        estimator.bootstrap(x, y, weight, replicates, progress)
    with bar("exporting") as progress:
        card = _card(customers, people.rejected)
        drafted = draft(estimator, card, x, now, lambda done, total: progress(done / total))
    findings = study(customers, checks, estimator, drafted, home)
    refuse_unfair(findings.fairness, book)
    metrics = msgspec.json.format(msgspec.json.encode(findings.evaluation), indent=1)
    with bar("writing"):
        folder = drafted.write(registry, {METRICS: metrics, REPORT: render(findings)})
    if live_version(home) is None:
        activate(folder)
    return folder


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


def _card(customers: Customers, rejected: int) -> ModelCard:
    book, _, contract, _, lives, weight = customers
    others = other_exit_survival(lives, book.periods, weight) if lives.other_exit.any() else np.empty(0)
    return ModelCard(
        name=book.source.name,
        contract=contract,
        horizons=book.lifetime.horizons,
        period=book.source.period,
        currency=book.source.currency,
        money=book.money,
        other_exits=tuple(others.tolist()),
        book=BookSummary(len(lives), int(lives.event.sum()), rejected, customers.fingerprint),
        id_column=book.source.id,
    )
