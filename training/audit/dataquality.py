"""Data quality: what a reader of the book should know about its columns before believing a model of them."""

# ruff: noqa: RUF001 - Japanese has its own brackets

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import polars as pl

from models.contract import Contract, Vector
from training.audit.dataquality_columns import Column, Finding, alone, column_of
from training.audit.dataquality_relations import copies, separations
from training.reading.book import Book
from training.reading.lifetimes import Lifetimes

__all__ = ["Column", "DataQuality", "Finding", "data_quality"]


class DataQuality(msgspec.Struct, frozen=True):
    """Columns in the order of the contract, and findings, warnings first."""

    customers: int
    rejected: int
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]


def data_quality(
    book: Book, contract: Contract, frame: pl.DataFrame, x: Vector, lives: Lifetimes, rejected: int
) -> DataQuality:
    """Look through a book's customers.

    Args:
        book: says what the columns are.
        contract: its features, F.
        frame: its n clean customers, for the segments.
        x: the same encoded, [n, F].
        lives: what became of them.
        rejected: how many customers were not clean.
    """
    columns = tuple(column_of(feature, x[:, j]) for j, feature in enumerate(contract.features))
    findings = [*_rejected(len(x), rejected), *_same_tenure(book, lives)]
    for feature, column in zip(contract.features, columns, strict=True):
        findings += alone(feature, column, len(x))
    findings += [*copies(contract, columns, x), *separations(book, contract, frame, x, lives)]
    order = sorted(findings, key=lambda finding: finding.severity != "warn")
    return DataQuality(len(x), rejected, columns, tuple(order))


def _rejected(customers: int, rejected: int) -> Iterator[Finding]:
    if rejected:
        share = rejected / (customers + rejected)
        yield Finding(
            "rejected",
            "note",
            (),
            {"rejected": rejected, "share": share},
            f"{rejected} rows ({share:.1%}) were rejected; the model knows nothing of them",
            f"{rejected}行（{share:.1%}）は不正な値のため除外しました。モデルには反映されていません",
        )


def _same_tenure(book: Book, lives: Lifetimes) -> Iterator[Finding]:
    if book.lifetime.kind == "plain":
        return
    started = book.lifetime.tenure_counts == "started"
    stays = lives.exit if started else lives.exit - (lives.event | lives.other_exit)
    if (stays == stays[0]).all():
        periods = int(stays[0])
        yield Finding(
            "same_tenure",
            "warn",
            (),
            {"periods": periods},
            f"all customers have the same tenure ({periods} periods): when they churn cannot be learned, only whether",
            f"全顧客の在籍期間が同じです（{periods}期間）。いつ解約するかは学習できず、解約の有無だけが分かります",
        )
