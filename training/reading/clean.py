"""Turning raw columns into clean values of their kinds, with the reason for each value that is none.

Every cleaner takes a column as read (text, or any type that a Parquet file has) and returns its values, null where
missing or bad, and the checks that were made. An empty text is missing, which is not bad in itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from models.contract import FLOAT32_MAX, normalize
from models.errors import nearest
from models.money import BOUNDS, MoneyTerms
from training.errors import DataError
from training.reading.book import outcome
from training.reading.files import NOTHING_KNOWN, Chunk, columns_of, faults

Role = Literal["number", "flag", "category", "text", "id", "count", "date", "outcome"]
Check = tuple[pl.Series, str]
"""Which rows fail, and why."""

FILE, ROW, AS_OF = "\0file", "\0row", "\0as_of"
"""Columns of a clean frame besides the data's own: where each row comes from, and the day when the lead was decided on,
where that is known. No file names its own columns so."""

TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")

MAX_COUNT = 100_000
"""Most periods that a tenure may have: 273 years of days. More is a slipped column."""


DATE = r"^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})(?:[T ].*)?$"
"""As models.dates reads it."""

UNTIDY = r"^\s|\s$|\n|^$"
"""What cleaning an id would change or refuse."""

FEW: frozenset[Role] = frozenset(("flag", "category", "text", "outcome"))
"""Columns that repeat few values."""

EXACT = 2**53
"""Up to here a float holds every whole number; codes are no larger."""


def check_columns(file: Path, names: Iterable[str], asker: Path) -> None:
    """See that a file has every column that `asker`, a book or a bundle, names.

    Raises:
        DataError: the first that is missing, who asks for it, and the nearest right name.
    """
    there = columns_of(file)
    for name in names:
        if name not in there:
            hint = nearest(name, there) or f"; it has {', '.join(there)}"
            raise DataError(f"{file}: has no column {name!r}, which {asker} names{hint}")


def clean_chunk(
    chunk: Chunk, roles: dict[str, Role], money: MoneyTerms, known: Mapping[str, pl.Enum] = NOTHING_KNOWN
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The clean columns of a chunk, and every fault that shows in one column alone.

    `known` are clean texts of some columns: where a column holds no others, it comes in that type, without a cleaning.

    Raises:
        DataError: a column of a type that no cleaner can read.
    """
    columns = {FILE: pl.repeat(chunk.file, len(chunk.rows), dtype=pl.String, eager=True), ROW: chunk.rows}
    bad = [chunk.faults]
    terms = money_columns(money)
    for name, role in roles.items():
        raw = _readable(chunk, name)
        values = _clean_already(raw, role, known.get(name))
        columns[name], checks = _clean(raw, role) if values is None else (values, [])
        checks += [_out_of_bounds(columns[name], term) for term in terms.get(name, ()) if role == "number"]
        bad += [
            faults(chunk.file, chunk.rows.filter(mask), name, raw.filter(mask), why)
            for mask, why in checks
            if mask.any()
        ]
    return pl.DataFrame(columns), pl.concat(bad)


def money_columns(money: MoneyTerms) -> dict[str, list[str]]:
    """The money terms that each column holds."""
    terms: dict[str, list[str]] = {}
    for part in (money.terms, *(segment.terms for segment in money.segments)):
        for term, column in part.items():
            if isinstance(column, str):
                terms.setdefault(column, []).append(term)
    return terms


def _clean_already(raw: pl.Series, role: Role, texts: pl.Enum | None) -> pl.Series | None:
    """The values of a column that stands as cleaning would leave it, which costs less to see; None if it may not."""
    if role == "flag" and (raw.dtype == pl.Boolean or (raw.dtype.is_integer() and raw.is_between(0, 1).all())):
        return raw.cast(pl.Boolean)
    if role == "number" and raw.dtype.is_numeric() and raw.is_between(-FLOAT32_MAX, FLOAT32_MAX).all():
        return raw.cast(pl.Float64)
    if role == "id" and raw.dtype == pl.String and not raw.str.contains(UNTIDY).any():
        return raw
    if texts is not None and raw.dtype in (pl.String, texts):
        values = raw.cast(texts, strict=False)
        return values if values.null_count() == raw.null_count() else None
    return None


def _clean(raw: pl.Series, role: Role) -> tuple[pl.Series, list[Check]]:
    """The values of a column, and its checks. One that repeats few values has each of them cleaned once."""
    if role not in FEW:
        return _CLEANERS[role](raw)
    distinct = raw.unique()
    values, checks = _CLEANERS[role](distinct)
    checks = [(raw.is_in(distinct.filter(mask).implode(), nulls_equal=True), why) for mask, why in checks if mask.any()]
    if values.dtype == raw.dtype and values.equals(distinct):
        return raw, checks
    return raw.replace_strict(distinct, values, return_dtype=values.dtype), checks


def _readable(chunk: Chunk, name: str) -> pl.Series:
    """A column as the cleaners take it; only Parquet has others."""
    raw = chunk.frame[name]
    if raw.dtype.is_nested():
        raise DataError(f"{chunk.file}: column {name!r} holds {raw.dtype}; expected one value per row")
    if raw.dtype in (pl.Duration, pl.Time):
        raise DataError(f"{chunk.file}: column {name!r} holds {raw.dtype}; expected text, numbers, flags or dates")
    try:
        return raw.cast(pl.String) if raw.dtype == pl.Binary else raw
    except pl.exceptions.ComputeError as error:
        raise DataError(f"{chunk.file}: column {name!r} holds bytes that are not UTF-8; expected text") from error


def _out_of_bounds(values: pl.Series, term: str) -> Check:
    """Money beyond what the term may be (see models.value.BOUNDS)."""
    low, high = BOUNDS[term]
    return ~values.is_between(low, high).fill_null(True), f"{term}: expected a value from {low:g} to {high:g}"


def _text(raw: pl.Series) -> pl.Series:
    """Trimmed text, null where empty."""
    text = _spell(raw) if raw.dtype.is_float() else raw.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def _spell(floats: pl.Series) -> pl.Series:
    """Floats as text, each the same whatever its neighbours: a whole number loses its `.0`, NaN is missing."""
    whole = (floats == floats.round()) & (floats.abs() <= EXACT)
    as_whole = floats.cast(pl.Int64, strict=False).cast(pl.String)
    return as_whole.zip_with(whole, floats.fill_nan(None).cast(pl.String))


def _number(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    present = raw.is_not_null() if raw.dtype.is_numeric() else _text(raw).is_not_null()
    values = raw if raw.dtype.is_numeric() else _text(raw)
    values = values.cast(pl.Float64, strict=False)
    finite = values.is_finite().fill_null(True)
    beyond = finite & (values.abs() > FLOAT32_MAX).fill_null(False)
    checks = [
        (present & values.is_null(), "expected a number"),
        (~finite, "expected a finite number"),
        (beyond, "expected a number of at most 3.4e38"),
    ]
    return _without(values, checks), checks


def _flag(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    text = _text(raw).str.to_lowercase()
    known = text.is_in([*TRUE, *FALSE]).fill_null(True)
    values = text.is_in(TRUE).set(text.is_null() | ~known, None)
    return values, [(~known, "expected true, false, 1, 0, yes or no")]


def _category(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    return _respell(_text(raw), normalize)


def _outcome(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    return _respell(_text(raw), outcome)


def _id(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    text = _text(raw)
    return text, [_one_line(text)]


def _respell(text: pl.Series, spell: Callable[[str], str]) -> tuple[pl.Series, list[Check]]:
    values = pl.Series([None if one is None else spell(one) or None for one in text], dtype=pl.String)
    checks = [_one_line(text)]
    return _without(values, checks), checks


def _one_line(text: pl.Series) -> Check:
    return text.str.contains("\n", literal=True).fill_null(False), "runs over several lines; is a quote left open?"


def _count(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    values, checks = _number(raw)
    checks += [
        ((values != values.floor()).fill_null(False), "expected a whole number"),
        ((values < 0).fill_null(False), "expected 0 or more"),
        ((values > MAX_COUNT).fill_null(False), f"expected at most {MAX_COUNT}"),
    ]
    return _without(values, checks).cast(pl.Int32), checks


def _date(raw: pl.Series) -> tuple[pl.Series, list[Check]]:
    if raw.dtype.is_temporal():
        present, values = raw.is_not_null(), raw.cast(pl.Date)
    else:
        text = _text(raw)
        day = text.str.extract(DATE).str.replace_all("/", "-", literal=True)
        present, values = text.is_not_null(), day.str.to_date("%Y-%m-%d", strict=False)
    values = values.set(~values.dt.year().is_between(date.min.year, date.max.year).fill_null(True), None)
    return values, [(present & values.is_null(), "expected a date such as 2026-03-31")]


def _without(values: pl.Series, checks: list[Check]) -> pl.Series:
    bad = np.zeros(len(values), dtype=np.bool_)
    for mask, _ in checks:
        bad |= mask.to_numpy()
    return values.set(pl.Series(bad), None)


_CLEANERS: dict[Role, Callable[[pl.Series], tuple[pl.Series, list[Check]]]] = {
    "number": _number,
    "flag": _flag,
    "category": _category,
    "text": _category,
    "id": _id,
    "count": _count,
    "date": _date,
    "outcome": _outcome,
}
