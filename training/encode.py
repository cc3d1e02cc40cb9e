"""Columnar encoding: the contract that a book fixes, and its customers as one float32 matrix."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from models.contract import MISSING, UNKNOWN, Contract, Feature, Vector
from training.bins import MAX_CATEGORIES


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
        categories, rare = _categories(values)
        return msgspec.structs.replace(feature, categories=categories, rare=rare, missing_seen=missing)
    if feature.kind == "flag" or values.null_count() == len(values):
        return msgspec.structs.replace(feature, missing_seen=missing)
    seen = values.drop_nulls().to_numpy().astype(np.float32)
    return msgspec.structs.replace(feature, low=float(seen.min()), high=float(seen.max()), missing_seen=missing)


def _categories(values: pl.Series) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories that get a code each, and the rarer ones, beyond what a histogram tells apart, that share one."""
    counted = values.drop_nulls().value_counts(name="n").sort("n", values.name, descending=[True, False])
    names = counted[values.name].to_list()
    apart = len(names) if len(names) <= MAX_CATEGORIES else MAX_CATEGORIES - 1
    return tuple(sorted(names[:apart])), tuple(sorted(names[apart:]))


def _codes(feature: Feature, values: pl.Series) -> Vector:
    if feature.kind == "category":
        codes = np.arange(len(feature.categories) + 1, dtype=np.float32)
        values = values.replace_strict(
            [*feature.categories, *feature.rare],
            np.append(codes[:-1], np.repeat(codes[-1:], len(feature.rare))),
            default=pl.when(values.is_not_null()).then(pl.lit(float(UNKNOWN), pl.Float32)),
            return_dtype=pl.Float32,
        )
    return values.cast(pl.Float64).fill_null(float(MISSING)).to_numpy().astype(np.float32)
