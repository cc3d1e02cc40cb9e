"""Data quality: what a reader of the book should know about its columns before believing a model of them."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
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


class Finding(msgspec.Struct, frozen=True):
    """One thing to know. `features` may be empty: then it is about the book. `figures`: counts and shares 0..1."""

    kind: Kind
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


class DataQuality(msgspec.Struct, frozen=True):
    """Columns in the order of the contract, and findings, warnings first."""

    customers: int
    rejected: int
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
