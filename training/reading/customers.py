"""The customers of a book, as models are fitted on them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from models.contract import Contract, Vector
from training.economics.values import customer_weights
from training.errors import DataError
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats
from training.reading.book import Book
from training.reading.encode import build_contract, encode
from training.reading.lifetimes import Lifetimes, lifetimes

CHURNERS = 20
"""Fewer teach nothing that would hold for the next customer; settings are chosen on thirds of them."""


class Customers(NamedTuple):
    """The n clean customers of a book: a frame, encoded [n, F], their lifetimes, and how many each stands for [n]."""

    book: Book
    frame: pl.DataFrame
    contract: Contract
    x: Vector
    lives: Lifetimes
    weight: Floats

    @classmethod
    def of(cls, book: Book, frame: pl.DataFrame) -> Self:
        """Encode a clean frame (see training.reading.ingest).

        Raises:
            DataError: too few have churned to learn from, or all have.
        """
        contract = build_contract(book.features, frame)
        lives = lifetimes(book, frame)
        churned = int((lives.event & lives.observed).sum())
        if churned < CHURNERS:
            raise DataError(
                f"{book.source.data}: {churned} customers churned under observation; "
                f"a model needs at least {CHURNERS}, add customers or older ones"
            )
        return cls(book, frame, contract, encode(contract, frame), lives, customer_weights(book, frame))

    @property
    def estimator(self) -> AdditiveHazardClassifier:
        """The estimator as the book wants it, not fitted; the rest of its settings is to be chosen."""
        book, where = self.book, self.contract.index
        return AdditiveHazardClassifier(
            horizon=book.lifetime.horizons[0],
            periods=book.periods,
            categorical=tuple(where[feature.name] for feature in self.contract.features if feature.kind == "category"),
            increasing=tuple(where[name] for name, way in book.monotone.items() if way == "increasing"),
            decreasing=tuple(where[name] for name, way in book.monotone.items() if way == "decreasing"),
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of features and lifetimes, in hex: two of the same tell of the same data."""
        return fingerprint(self.x, self.lives)


def fingerprint(x: Vector, lives: Lifetimes) -> str:
    """SHA-256, in hex, of encoded customers [n, F] and their lifetimes."""
    digest = hashlib.sha256(str(x.shape).encode())
    for array in (x, lives.entry, lives.exit, lives.event, lives.other_exit):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
