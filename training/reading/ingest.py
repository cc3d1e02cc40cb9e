"""Ingest: the customers of a book, checked row by row; what cannot be used is rejected and listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import polars as pl

from models.bundle import Bundle
from models.contract import Feature
from training.errors import DataError
from training.reading.book import Book
from training.reading.checks import contradictions
from training.reading.clean import AS_OF, FILE, ROW, Role, check_columns, clean_chunk, money_columns
from training.reading.encode import later
from training.reading.files import Chunk, faults, read_chunks

ID = "\0id"
"""Whom a row of the clean frame is about: the book's id, or the row number."""

Progress = Callable[[float], None]
"""Told the share of the work that is done, 0..1."""


class Ingested(msgspec.Struct, frozen=True):
    """The customers of a book.

    frame: those that can be used, one row each: FILE, ROW, ID, and every column that the book names, by its own name
    and cleaned: numbers Float64, flags Boolean, counts Int32, dates Date, the rest String; null where missing.
    In a book with dates, AS_OF is the day of sign-up.
    rejects: the faults of the others, a line each (files.FAULTS). rejected: how many customers they are.
    notes: sentences on values that were read otherwise than written.
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame
    rejected: int
    notes: tuple[str, ...] = ()


def ingest(
    book: Book,
    bundle: Bundle | None = None,
    rejects: Path | None = None,
    progress: Progress = lambda _: None,
) -> Ingested:
    """Read, check and clean a book's data.

    Args:
        book: says what each column is.
        bundle: whose features are read; the book's own if None.
        rejects: CSV file to list the rejected rows in, if there are any.
        progress: told how far the reading is.

    Raises:
        DataError: a file or column is not there, too large a share of the rows is bad, or nobody is left.
    """
    features = book.features if bundle is None else bundle.manifest.contract.sent
    _need_sign_up(book, bundle)
    roles = _roles(book, features)
    files = _files(book)
    for file in files:
        check_columns(file, _roles(book, ()), book.path)
        check_columns(file, (feature.name for feature in features), book.path if bundle is None else bundle.folder)
    frames, bad = [], []
    for position, file in enumerate(files):
        for chunk in read_chunks(file):
            frame, found = clean_chunk(_named(chunk, book, file), roles, book.money)
            frames.append(frame)
            bad.append(found)
            progress((position + chunk.share) / len(files))
    if not any(map(len, frames)):
        raise DataError(f"{files[0]}: holds no customers; expected a row for each below the header")
    frame = pl.concat(frames)
    if book.lifetime.start is not None:
        frame = frame.with_columns(pl.col(book.lifetime.start).alias(AS_OF))
    bad += [_faults(frame, name, mask, reason) for name, mask, reason in contradictions(book, frame)]
    people = _reject(book, frame, _first_per_value(pl.concat(bad)), rejects)
    return msgspec.structs.replace(people, notes=tuple(_later_dates(book, features, people.frame)))


def _roles(book: Book, features: tuple[Feature, ...]) -> dict[str, Role]:
    """How to clean each column that the book names. Where one serves twice, the stricter role wins."""
    lifetime = book.lifetime
    texts = (*book.protected, *book.segments.values(), *(segment.column for segment in book.money.segments))
    roles: dict[str, Role] = dict.fromkeys(texts, "text")
    roles |= dict.fromkeys(money_columns(book.money), "number")
    roles |= {feature.name: feature.kind for feature in features}
    named: dict[str | None, Role] = {
        book.source.id: "id",
        book.source.weight: "number",
        lifetime.tenure: "count",
        lifetime.entry: "count",
        lifetime.churned: "outcome",
    }
    named |= {lifetime.start: "date", lifetime.end: "date"}
    return roles | {name: role for name, role in named.items() if name is not None}


def _files(book: Book) -> list[Path]:
    folder, pattern = book.path.parent, book.source.data
    here = folder / pattern
    files = [here] if here.exists() else sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else []
    if not files:
        raise DataError(f"{here}: no such file; correct data in [book] of {book.path}")
    return files


def _named(chunk: Chunk, book: Book, file: Path) -> Chunk:
    """The chunk under the path of its file as seen from the book: in two folders there may be files of one name."""
    folder = book.path.parent
    name = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
    return msgspec.structs.replace(chunk, file=name, faults=chunk.faults.with_columns(file=pl.lit(name)))


def _need_sign_up(book: Book, bundle: Bundle | None) -> None:
    """See that a bundle's ages can be counted."""
    ages = [] if bundle is None else [f.sent_as for f in bundle.contract.features if f.part == "age"]
    if ages and book.lifetime.start is None:
        raise DataError(
            f"{book.path}: lifetime.start is missing, and the bundle reads the age of {ages[0]!r} at sign-up;"
            " give the column that holds the day of sign-up"
        )


def _later_dates(book: Book, features: tuple[Feature, ...], frame: pl.DataFrame) -> Iterator[str]:
    """Notes on dates after sign-up, which read as missing, since nobody knew them then."""
    for feature in features:
        if feature.kind == "date" and AS_OF in frame.columns and (count := later(feature.name, frame).sum()):
            yield (
                f"{book.path}: features.{feature.name}: {count} of {len(frame)} dates are after {book.lifetime.start},"
                " not known at sign-up; read as missing"
            )


def _faults(frame: pl.DataFrame, name: str, mask: pl.Series, reason: str) -> pl.DataFrame:
    here = frame.filter(mask)
    return faults("", here[ROW], name, here[name], reason).with_columns(here[FILE].alias("file"))


def _first_per_value(found: pl.DataFrame) -> pl.DataFrame:
    """The faults in the order of the rows, each value blamed once, a row that did not split into columns as a whole.

    A value that does not parse is missing from the clean frame: its own fault says more than that a value is expected.
    """
    found = found.sort("file", "row", maintain_order=True)
    split = pl.col("column").first().over("file", "row") != ""
    found = found.filter(split | (pl.col("column") == ""))
    return found.unique(["file", "row", "column"], keep="first", maintain_order=True)


def _reject(book: Book, frame: pl.DataFrame, found: pl.DataFrame, path: Path | None) -> Ingested:
    """Part the good rows from the bad, and stop when the bad are too many."""
    bad = found.unique(["file", "row"]).select(pl.col("file").alias(FILE), pl.col("row").alias(ROW))
    good = frame.join(bad, on=[FILE, ROW], how="anti", maintain_order="left")
    share = len(bad) / len(frame)
    if path is not None and len(found):
        path.parent.mkdir(parents=True, exist_ok=True)
        found.write_csv(path)
    if share > book.source.max_reject_share:
        raise DataError(
            f"{book.source.data}: {len(bad)} of {len(frame)} rows rejected, {share:.1%} where book.max_reject_share"
            f" allows {book.source.max_reject_share:.1%}: {summary(found)}" + (f"; see {path}" if path else "")
        )
    if book.source.id is None:
        several = good[FILE].n_unique() > 1
        number = pl.col(ROW).cast(pl.String)
        good = good.with_columns((pl.col(FILE) + ":" + number if several else number).alias(ID))
    else:
        good = good.with_columns(pl.col(book.source.id).alias(ID))
    return Ingested(frame=good, rejects=found, rejected=len(bad))


def summary(rejects: pl.DataFrame) -> str:
    """The rejects counted by column and reason, most frequent first."""
    counted = (
        rejects.group_by("column", "reason").len().sort("len", "column", "reason", descending=[True, False, False])
    )
    return ", ".join(f"{n} x {f'{column}: ' if column else ''}{why}" for column, why, n in counted.iter_rows())
