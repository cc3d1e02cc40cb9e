"""What the columns of a book show together: features that are copies, groups that nobody churned from."""

# ruff: noqa: RUF001 - Japanese has its own brackets

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract import RARE, Contract, Vector
from training.audit.dataquality_columns import DISTINCT, Column, Finding, Severity
from training.reading.book import Book
from training.reading.lifetimes import Lifetimes

EXPECTED = 10.0
"""Churned customers that a group without any should have had: by chance it has none once in 22,000 times."""

NAMED = 5
"""Groups that are named before "…"."""


def copies(contract: Contract, columns: tuple[Column, ...], x: Vector) -> Iterator[Finding]:
    """Features that tell the customers apart in the same way."""
    alike: dict[bytes, list[str]] = defaultdict(list)
    for j, (feature, column) in enumerate(zip(contract.features, columns, strict=True)):
        if column.distinct + (column.missing > 0) > 1:
            alike[_likeness(x[:, j])].append(feature.name)
    for names in alike.values():
        if len(names) > 1:
            yield Finding(
                "copies",
                "warn",
                tuple(names),
                {"features": len(names)},
                f"{', '.join(names)} say the same of every customer: reasons are split between them; keep one",
                f"{'、'.join(names)}は全顧客で同じ内容です。理由が分散するため、一つだけ残してください",
            )


def separations(book: Book, contract: Contract, frame: pl.DataFrame, x: Vector, lives: Lifetimes) -> Iterator[Finding]:
    """Categories, flags and segments of which a group never churned, though it should have at the rate of all."""
    for name, group in _groupings(book, contract, frame, x):
        counted = (
            pl.DataFrame({"group": group, "event": lives.event, "periods": lives.exit - lives.entry})
            .group_by("group")
            .agg(pl.len().alias("customers"), pl.col("event").sum(), pl.col("periods").sum())
            .sort("group")
        )
        expected = pl.col("periods") * pl.col("event").sum() / pl.col("periods").sum()
        spared = counted.with_columns(expected=expected).filter(
            (pl.col("event") == 0) & (pl.col("expected") >= EXPECTED)
        )
        if len(spared):
            yield _separation(name, spared, only_one=int((counted["event"] > 0).sum()) == 1)


def _separation(name: str, spared: pl.DataFrame, *, only_one: bool) -> Finding:
    customers, expected = int(spared["customers"].sum()), float(spared["expected"].sum())
    names = ", ".join("(missing)" if one is None else one for one in spared["group"].head(NAMED))
    names += ", …" * (len(spared) > NAMED)
    en = f"{name}: none of the {customers} customers with {names} churned, where {expected:.0f} were to be expected"
    ja = f"{name}: {names}の顧客{customers}件に解約がありません（全体の率なら{expected:.0f}件）"
    if only_one:
        en += "; all churn is in one group: is that its nature, or a trace of leaving?"
        ja += "。解約は一つの区分だけにあります。区分の性質か、解約の痕跡かを確かめてください"
    severity: Severity = "warn" if only_one else "note"
    return Finding("separation", severity, (name,), {"customers": customers, "expected": expected}, en, ja)


def _likeness(values: NDArray[np.float32]) -> bytes:
    """The same for columns that part the customers alike, whatever they call the parts.

    Where most values are unique, any two columns would part them alike: there the order counts, or its reverse.
    """
    seen, first, code = np.unique(values, return_index=True, return_inverse=True)
    if len(seen) <= DISTINCT * len(values):
        by_appearance = np.argsort(np.argsort(first))[code]
        return hashlib.sha256(by_appearance.tobytes()).digest()
    there = ~np.isnan(values)
    backwards = np.where(there, code[there].max() - code, code)
    return min(hashlib.sha256(ranks.tobytes()).digest() for ranks in (code, backwards))


def _groupings(book: Book, contract: Contract, frame: pl.DataFrame, x: Vector) -> Iterator[tuple[str, pl.Series]]:
    """Every category, flag and segment: its name, and the group of each customer."""
    for j, feature in enumerate(contract.features):
        if feature.kind == "category":
            yield feature.name, _spelled(x[:, j], [*feature.categories, *([RARE] if feature.rare else [])])
        elif feature.kind == "flag":
            yield feature.name, _spelled(x[:, j], ["false", "true"])
    for column in dict.fromkeys(book.segments.values()):
        if column not in contract.index:
            yield column, frame[column]


def _spelled(codes: NDArray[np.float32], names: list[str]) -> pl.Series:
    at = np.where(np.isnan(codes) | (codes < 0), len(names), codes).astype(np.int64)
    return pl.Series([*names, None], dtype=pl.String).gather(at)
