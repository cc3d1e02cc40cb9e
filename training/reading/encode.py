"""Columnar encoding: the contract that a book fixes, and its customers as one float32 matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import polars as pl

from models.contract import MISSING, UNKNOWN, Contract, Feature, Vector
from models.dates import AHEAD_DAYS, CALENDAR, PARTS
from training.model.bins import MAX_CATEGORIES
from training.reading.clean import AS_OF

FEWEST = 5
"""Customers of a category that gets a code of its own; of fewer nothing can be told but chance."""


def build_contract(features: tuple[Feature, ...], frame: pl.DataFrame) -> Contract:
    """The contract of a book: the declared `features` with the categories and bounds that its customers show.

    A date becomes a column for each of its parts, without age where `frame` has no AS_OF. `frame` is clean (see
    training.reading.ingest). The same customers in another order give the same contract.
    """
    columns = [column for feature in features for column in _columns(feature, aged=AS_OF in frame.columns)]
    return Contract(
        tuple(_seen(column, values) for column, values in zip(columns, _values(columns, frame), strict=True))
    )


def encode(contract: Contract, frame: pl.DataFrame) -> Vector:
    """Clean customers as float32 [n, F]: what `contract.encode` gives row by row, as of each row's AS_OF."""
    columns = np.empty((len(contract.features), len(frame)), dtype=np.float32)
    for feature, column, values in zip(contract.features, columns, _values(contract.features, frame), strict=True):
        column[:] = _codes(feature, values)
    return np.ascontiguousarray(columns.T)


def known_texts(contract: Contract) -> dict[str, pl.Enum]:
    """The categories of each feature as a column's type, which spares its texts a cleaning (see clean_chunk)."""
    return {f.name: _enum(f) for f in contract.features if f.kind == "category" and f.part is None}


def later(name: str, frame: pl.DataFrame) -> pl.Series:
    """Whether the date `name` is later than the day of each decision, so that it cannot have been known. Shape [n]."""
    return ((frame[name] - frame[AS_OF]).dt.total_days() > AHEAD_DAYS).fill_null(False)


def _columns(feature: Feature, *, aged: bool) -> list[Feature]:
    """The columns of the vector that a declared feature becomes."""
    if feature.kind != "date":
        return [feature]
    return [
        Feature(
            name=f"{feature.name}.{part}",
            kind="number" if part == "age" else "category",
            label=feature.label,
            unit="days" if part == "age" else None,
            source=feature.name,
            part=part,
        )
        for part in PARTS
        if part != "age" or aged
    ]


def _values(columns: Sequence[Feature], frame: pl.DataFrame) -> Iterator[pl.Series]:
    """The clean values of each column of the vector."""
    aged = {column.source for column in columns if column.part == "age"}
    for column in columns:
        if column.source is None:
            yield frame[column.name]
            continue
        day = frame[column.source]
        if column.source in aged:
            day = day.set(later(column.source, frame), None)
        if column.part == "month":
            yield _named(day.dt.month(), CALENDAR["month"])
        elif column.part == "weekday":
            yield _named(day.dt.weekday(), CALENDAR["weekday"])
        else:
            yield (frame[AS_OF] - day).dt.total_days().clip(lower_bound=0).cast(pl.Float64)


def _named(numbers: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """Numbers from 1 by their names."""
    return numbers.replace_strict(dict(enumerate(names, 1)), return_dtype=pl.String)


def _seen(feature: Feature, values: pl.Series) -> Feature:
    missing = values.has_nulls()
    if feature.kind == "category":
        categories, rare = _categories(values)
        if feature.part is not None:
            categories, rare = tuple(sorted((*categories, *rare), key=CALENDAR[feature.part].index)), ()
        return msgspec.structs.replace(feature, categories=categories, rare=rare, missing_seen=missing)
    if feature.kind == "flag" or values.null_count() == len(values):
        return msgspec.structs.replace(feature, missing_seen=missing)
    seen = values.drop_nulls().to_numpy().astype(np.float32)
    return msgspec.structs.replace(feature, low=float(seen.min()), high=float(seen.max()), missing_seen=missing)


def _categories(values: pl.Series) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories that get a code each, and those that share one: of few customers, or beyond what trees tell apart.

    A single rare category keeps its own code: there is none to share it with.
    """
    counted = values.drop_nulls().value_counts(name="n").sort("n", values.name, descending=[True, False])
    names = counted[values.name].to_list()
    apart = min(int((counted["n"] >= FEWEST).sum()), MAX_CATEGORIES - 1)
    if apart == len(names) - 1:
        apart += 1
    return tuple(sorted(names[:apart])), tuple(sorted(names[apart:]))


def _codes(feature: Feature, values: pl.Series) -> Vector:
    if feature.kind != "category":
        return values.cast(pl.Float32).fill_null(float(MISSING)).to_numpy()
    codes = np.arange(len(feature.categories) + len(feature.rare) + 1, dtype=np.float32)
    codes = np.minimum(codes, len(feature.categories))
    codes[-1] = UNKNOWN
    place = values.cast(_enum(feature), strict=False).to_physical()
    found: Vector = codes.take(place.cast(pl.Int64).fill_null(len(codes) - 1).to_numpy())
    if values.has_nulls():
        found[values.is_null().to_numpy()] = MISSING
    return found


def _enum(feature: Feature) -> pl.Enum:
    return pl.Enum([*feature.categories, *feature.rare])
