"""Labelled customers for a bundle that is there already: read by its features, counted in its periods."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from models.bundle import Bundle
from training.errors import DataError
from training.reading.book import Book, read_book, refuse_future
from training.reading.ingest import ingest


def labelled(
    bundle: Bundle, path: Path, now: datetime, progress: Callable[[float], None] = lambda _: None
) -> tuple[Book, pl.DataFrame]:
    """The book at `path`, and its clean customers with the bundle's features (see training.reading.ingest).

    Raises:
        TrainingError: the book or its data cannot be used, or counts time in another unit than the bundle.
    """
    book, period = read_book(path), bundle.manifest.period
    refuse_future(book, now)
    if book.source.period != period:
        raise DataError(f"{path}: counts in {book.source.period}s, the bundle in {period}s; use a matching book")
    return book, ingest(book, bundle, progress=progress).frame
