"""What one column of a book shows by itself."""

# ruff: noqa: RUF001 - Japanese has its own brackets

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Feature

FindingKind = Literal[
    "single_valued",
    "category_per_row",
    "copies",
    "mostly_missing",
    "same_tenure",
    "separation",
    "rare_pooled",
    "rejected",
]
Severity = Literal["note", "warn"]

MOSTLY = 0.95
"""Share missing, from which the rest says little."""

DISTINCT = 0.5
"""A category per customer, but for repeats: as many categories as this share of the customers. What repeats less often
is an id, or text."""


class Finding(msgspec.Struct, frozen=True):
    """One thing to know. `features` may be empty: then it is about the book. `figures`: counts and shares 0..1."""

    kind: FindingKind
    severity: Severity
    features: tuple[str, ...]
    figures: dict[str, float]
    en: str
    ja: str


class Column(msgspec.Struct, frozen=True):
    """One feature as the clean customers show it. missing: a share; most_common: its value's share of those present."""

    feature: str
    missing: float
    distinct: int
    most_common: float


def column_of(feature: Feature, values: NDArray[np.float32]) -> Column:
    """Count the values of an encoded feature, [n]."""
    present = values[~np.isnan(values)]
    seen, counts = np.unique(present, return_counts=True)
    distinct = len(feature.categories) + len(feature.rare) if feature.kind == "category" else len(seen)
    return Column(
        feature=feature.name,
        missing=1.0 - len(present) / max(len(values), 1),
        distinct=distinct,
        most_common=float(counts.max(initial=0) / max(len(present), 1)),
    )


def alone(feature: Feature, column: Column, customers: int) -> Iterator[Finding]:
    """What is wrong with one feature, if anything."""
    name, names = feature.name, (feature.name,)
    present = round((1 - column.missing) * customers)
    if column.missing > MOSTLY:
        yield Finding(
            "mostly_missing",
            "warn",
            names,
            {"missing": column.missing, "present": present},
            f"{name} is missing for {column.missing:.1%} of the customers; {present} have it",
            f"{name}は顧客の{column.missing:.1%}で欠損しています（値があるのは{present}件）",
        )
    if column.distinct == 1 and column.missing == 0:
        yield Finding(
            "single_valued",
            "warn",
            names,
            {"distinct": 1},
            f"{name} is the same for every customer: nothing can be learned from it; take it out of [features]",
            f"{name}は全顧客で同じ値です。学習に使えないため、[features]から外してください",
        )
    if feature.kind == "category" and column.distinct >= max(DISTINCT * present, 2) and present > 2:
        yield Finding(
            "category_per_row",
            "warn",
            names,
            {"distinct": column.distinct, "present": present},
            f"{name} has {column.distinct} categories for {present} customers: an id or text says nothing of others",
            f"{name}は顧客{present}件に対しカテゴリが{column.distinct}種類あります。IDや自由記述は次の顧客の予測に使えません",
        )
    elif feature.rare:
        yield Finding(
            "rare_pooled",
            "note",
            names,
            {"pooled": len(feature.rare), "distinct": column.distinct},
            f"{name} has {column.distinct} categories; the {len(feature.rare)} rarest are treated as one",
            f"{name}のカテゴリは{column.distinct}種類です。まれな{len(feature.rare)}種類は一つにまとめて扱います",
        )
