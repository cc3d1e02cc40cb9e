"""Reading CSV and Parquet files in chunks, with the number by which a person finds each row."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from training.errors import DataError

BLOCK_BYTES = 4 << 20
"""Read at once from a CSV file: also the longest record that is accepted, some thousand times a usual one."""

CHUNK_ROWS = 32_768
"""Read at once from a Parquet file: a few MB, as the CSV block."""

VALUE_CHARS = 80
"""How much of a bad value is repeated to a person."""

NOTHING_KNOWN: Mapping[str, pl.Enum] = MappingProxyType({})

FAULTS = pl.Schema({"file": pl.String, "row": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String})
"""One line per fault: why a row cannot be used. A row may have several."""


class Chunk(msgspec.Struct, frozen=True):
    """Some consecutive rows of one file.

    rows: the row numbers, Int64 [n]. In a CSV file they count records with the header as 1: what a spreadsheet shows,
    and what an editor shows unless a quoted field spans lines. Blank lines count and are left out. In a Parquet file
    they count from 1.
    frame: the columns: text or null from a CSV file, as stored from a Parquet file. A record that cannot be split into
    columns is a row of nulls with a fault.
    faults: see FAULTS.
    share: how much of the file has been read, 0..1.
    """

    file: str
    rows: pl.Series
    frame: pl.DataFrame
    faults: pl.DataFrame
    share: float


def columns_of(path: Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        DataError: the file cannot be read, is empty, or has two columns of one name.
    """
    names = _parquet(path).schema_arrow.names if path.suffix == ".parquet" else _header(path)
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"{path}: has two columns named {min(twice)!r}; rename one")
    return names


def read_chunks(
    path: Path, columns: Iterable[str] | None = None, known: Mapping[str, pl.Enum] = NOTHING_KNOWN
) -> Iterator[Chunk]:
    """Every row of a file, in its order, in memory that does not grow with the file.

    Args:
        path: of a CSV or a Parquet file.
        columns: those that are needed: others are not read from a Parquet file.
        known: the texts that some columns may hold: one that holds no others comes in that type, which costs less.

    Raises:
        DataError: the file cannot be read or is damaged, or a quote is left open in it.
    """
    names = columns_of(path)
    return _parquet_chunks(path, columns, known) if path.suffix == ".parquet" else _csv_chunks(path, names)


def faults(chunk_file: str, rows: pl.Series, column: str, values: pl.Series, reason: str) -> pl.DataFrame:
    """The faults of one kind in one column: `rows` and `values` of those that have it."""
    shown = values.cast(pl.String).str.slice(0, VALUE_CHARS)
    return pl.DataFrame(
        {"file": chunk_file, "row": rows, "column": column, "value": shown, "reason": reason}, schema=FAULTS
    )


def _parquet(path: Path, repeating: Iterable[str] = ()) -> Any:
    try:
        return pq.ParquetFile(path, read_dictionary=list(repeating))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except pa.ArrowException as error:
        raise DataError(f"{path}: is not a Parquet file; write it again") from error


def _parquet_chunks(path: Path, columns: Iterable[str] | None, known: Mapping[str, pl.Enum]) -> Iterator[Chunk]:
    file = _parquet(path, known)
    wanted = None if columns is None else list(columns)
    done = 0
    try:
        for batch in file.iter_batches(CHUNK_ROWS, columns=wanted):
            named = zip(batch.schema.names, batch.columns, strict=True)
            frame = pl.DataFrame({name: _column(values, known.get(name)) for name, values in named})
            rows = pl.int_range(done + 1, done + 1 + len(frame), dtype=pl.Int64, eager=True)
            done += len(frame)
            yield Chunk(path.name, rows, frame, FAULTS.to_frame(), done / file.metadata.num_rows)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: is damaged ({error}); write it again") from error


def _column(values: Any, known: pl.Enum | None) -> pl.Series:
    """A column of a batch: of the type `known` if Arrow holds its texts once each and all of them are known."""
    if known is None or not isinstance(values, pa.DictionaryArray):
        return pl.Series(values)
    distinct = pl.Series(values.dictionary)
    if distinct.dtype != pl.String:
        return pl.Series(values)
    as_known = distinct.cast(known, strict=False)
    texts = as_known if as_known.null_count() == distinct.null_count() else distinct
    return texts[pl.Series(values.indices)]


def _header(path: Path) -> list[str]:
    try:
        # What is not UTF-8 below the header is a fault of its row.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            names = next(csv.reader(file), None)
        "".join(names or []).encode()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: is not UTF-8; save it as CSV UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}: is not readable as CSV: {error}; is a quote left open in the header?") from error
    if not names:
        raise DataError(f"{path}: is empty; expected a header row and a row for each customer")
    return names


def _csv_chunks(path: Path, names: list[str]) -> Iterator[Chunk]:
    # Polars drops surplus fields and fills absent ones without a word; Arrow hands each such record over.
    ragged: list[Any] = []

    def keep(record: Any) -> str:
        ragged.append(record)
        return "skip"

    size = path.stat().st_size
    if size <= BLOCK_BYTES and b"\n" not in path.read_bytes().strip():
        return  # a header alone, which Arrow takes for a broken file
    next_row = 2  # the header is record 1
    with pa.OSFile(str(path)) as file:
        try:
            reader = pacsv.open_csv(
                file,
                # In one thread, or the ragged records come without their numbers.
                read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                parse_options=pacsv.ParseOptions(
                    newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=True, null_values=[""]
                ),
            )
            for batch in itertools.chain(reader, [None]):
                chunk, next_row = _csv_chunk(path, names, batch, ragged, next_row, file.tell() / size)
                if chunk is not None:
                    yield chunk
        except pa.ArrowInvalid as error:
            raise DataError(f"{path}: is not readable as CSV: {error}; is a quote left open?") from error


def _csv_chunk(
    path: Path, names: list[str], batch: Any, ragged: list[Any], next_row: int, share: float
) -> tuple[Chunk | None, int]:
    """The chunk of one batch with the ragged records put back where they stood, and the number of the row after it.

    The reader may be ahead of the batch it hands out, so only the ragged records up to the batch's last row are taken
    from the list; the rest wait for the next batch, or for None, the end of the file.
    """
    count = 0 if batch is None else batch.num_rows
    taken: list[Any] = []
    last = next_row + count - 1
    while ragged and (ragged[0].number <= last + 1 or batch is None):
        taken.append(ragged.pop(0))
        last += 1
    if not count and not taken:
        return None, next_row
    odd = {record.number for record in taken}
    rows = pl.int_range(next_row, last + 1, dtype=pl.Int64, eager=True)
    if odd:
        rows = rows.filter(~rows.is_in(sorted(odd)))
    texts, bad = {}, []
    for name, values in zip(names, batch.columns if batch is not None else [[]] * len(names), strict=True):
        texts[name], faulty = _texts(values)
        where = pl.Series(faulty, dtype=pl.Int64)
        bad.append(faults(path.name, rows.gather(where), name, texts[name].gather(where), "is not UTF-8"))
    frame = pl.DataFrame(texts)
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if blank.any():
        rows, frame = rows.filter(~blank), frame.filter(~blank)
    if taken:
        rows, frame = _put_back(rows, frame, [record.number for record in taken])
        bad += [_ragged(path, record) for record in taken]
    return Chunk(path.name, rows, frame, pl.concat(bad), min(share, 1.0)), last + 1


def _ragged(path: Path, record: Any) -> pl.DataFrame:
    text = record.text.decode("utf-8", "replace") if isinstance(record.text, bytes) else record.text
    if "\n" in text.rstrip():
        raise DataError(f"{path}: row {record.number} runs over several lines; a quote is left open, close it")
    reason = f"expected {record.expected_columns} fields, got {record.actual_columns}"
    return faults(path.name, pl.Series([record.number]), "", pl.Series([text]), reason)


def _put_back(rows: pl.Series, frame: pl.DataFrame, numbers: list[int]) -> tuple[pl.Series, pl.DataFrame]:
    lost = pl.DataFrame({"": numbers}, schema={"": pl.Int64})
    whole = pl.concat([frame.with_columns(rows.alias("")), lost], how="diagonal").sort("")
    return whole[""], whole.drop("")


def _texts(values: Any) -> tuple[pl.Series, list[int]]:
    """Bytes as text, and the positions of those that are not UTF-8."""
    try:
        return pl.Series(pa.array(values, pa.binary()).cast(pa.string()), dtype=pl.String), []
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        faulty = [at for at, text in enumerate(decoded) if text is not None and "\ufffd" in text]
        return pl.Series(decoded, dtype=pl.String), faulty
