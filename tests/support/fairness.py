"""A quickly fitted bundle, and the fairness audit of customers that it has not seen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from models.assess import Assessments, Assessor
from models.bundle import BookSummary, Bundle, open_bundle
from models.policy import DEFAULT, Policy
from tests.support.simulated import book_of, lives_of
from training.audit.fairness import FairnessAudit, audit_fairness
from training.evaluation.holdout import HeldOut
from training.exporting.export import ModelCard, draft
from training.model.hazard import AdditiveHazardClassifier
from training.reading.book import Book
from training.reading.encode import build_contract, encode
from training.reading.lifetimes import Lifetimes, structured
from training.simulate import Simulated


def fitted(book: Book, frame: pl.DataFrame, lives: Lifetimes, folder: Path) -> Bundle:
    """A bundle of these customers, with settings as they come."""
    contract = build_contract(book.features, frame)
    x = encode(contract, frame)
    model = AdditiveHazardClassifier(
        horizon=book.lifetime.horizons[0],
        periods=book.periods,
        categorical=tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category"),
    ).fit(x, structured(lives))
    card = ModelCard(
        name=book.source.name,
        contract=contract,
        horizons=book.lifetime.horizons,
        period=book.source.period,
        currency=book.source.currency,
        money=book.money,
        other_exits=(),
        book=BookSummary(customers=len(lives), churned=int(lives.event.sum()), rejected=0),
        id_column=book.source.id,
    )
    return open_bundle(draft(model, card, x, datetime(2026, 4, 1, tzinfo=UTC)).write(folder))


def assessed(bundle: Bundle, book: Book, frame: pl.DataFrame, policy: Policy = DEFAULT) -> Assessments:
    contract = bundle.manifest.contract
    columns = {name: frame[name].to_numpy() for name in book.money.columns - contract.index.keys()}
    return Assessor(bundle, policy).assess(encode(contract, frame), columns)


def audited(
    bundle: Bundle, book: Book, frame: pl.DataFrame, lives: Lifetimes, policy: Policy = DEFAULT, hazard: float = 1.0
) -> FairnessAudit:
    """The audit of customers that the bundle has not seen, every cumulative hazard told so many times too high."""
    found, m = assessed(bundle, book, frame, policy), len(frame)
    held_out = HeldOut(
        rows=np.arange(m),
        survival=found.survival.astype(np.float64) ** hazard,
        lives=lives,
        weight=np.ones(m),
        followed=None,
        cohort=np.zeros(m, dtype=np.int64),
        cohorts=("all",),
        split="none",
    )
    protected = frame.select(pl.col(column).cast(pl.String) for column in book.protected)
    return audit_fairness(book, bundle.manifest.contract, protected, found, held_out)


def audit_of(bundle: Bundle, simulated: Simulated, policy: Policy = DEFAULT) -> FairnessAudit:
    return audited(bundle, book_of(simulated), simulated.frame, lives_of(simulated), policy)
