"""Columnar encoding: the contract that a book fixes, and its customers as one float32 matrix."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from models.contract import MISSING, UNKNOWN, Contract, Feature, Vector

MAX_CATEGORIES = 254
"""Most categories per feature: a histogram has 255 bins, and missing needs one. The rarer ones count as unknown."""


def build_contract(features: tuple[Feature, ...], frame: pl.DataFrame) -> Contract:
    """The contract of a book: the declared `features` with the categories and bounds that its customers show.

    `frame` is clean (see training.ingest). The same customers in another order give the same contract.
    """
    return Contract(tuple(_seen(feature, frame[feature.name]) for feature in features))


def encode(contract: Contract, frame: pl.DataFrame) -> Vector:
    """Clean customers as float32 [n, F]: what `contract.encode` gives row by row."""
    x = np.empty((len(frame), len(contract.features)), dtype=np.float32)
    for position, feature in enumerate(contract.features):
        x[:, position] = _codes(feature, frame[feature.name])
    return x


def _seen(feature: Feature, values: pl.Series) -> Feature:
    missing = values.has_nulls()
    if feature.kind == "category":
        return msgspec.structs.replace(feature, categories=_categories(values), missing_seen=missing)
    if feature.kind == "flag" or values.null_count() == len(values):
        return msgspec.structs.replace(feature, missing_seen=missing)
    seen = values.drop_nulls().to_numpy().astype(np.float32)
    return msgspec.structs.replace(feature, low=float(seen.min()), high=float(seen.max()), missing_seen=missing)


def _categories(values: pl.Series) -> tuple[str, ...]:
    counted = values.drop_nulls().value_counts(name="n").sort("n", values.name, descending=[True, False])
    return tuple(sorted(counted[values.name].head(MAX_CATEGORIES)))


def _codes(feature: Feature, values: pl.Series) -> Vector:
    if feature.kind == "category":
        codes = np.arange(len(feature.categories), dtype=np.float32)
        values = values.replace_strict(
            list(feature.categories),
            codes,
            default=pl.when(values.is_not_null()).then(pl.lit(float(UNKNOWN), pl.Float32)),
            return_dtype=pl.Float32,
        )
    return values.cast(pl.Float64).fill_null(float(MISSING)).to_numpy().astype(np.float32)
