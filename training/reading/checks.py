"""Checks that look at more than one value: ids that repeat, lifetimes that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from training.reading.book import Book, Lifetime

Fault = tuple[str, pl.Series, str]
"""A column, which rows are at fault (null counts as sound), and why."""


def contradictions(book: Book, frame: pl.DataFrame) -> Iterator[Fault]:
    """What is wrong with customers whose columns are clean one by one."""
    if book.source.id is not None:
        ids = frame[book.source.id]
        yield book.source.id, ids.is_null(), "expected an id"
        yield book.source.id, ~ids.is_first_distinct() & ids.is_not_null(), "the id of an earlier row"
    if book.source.weight is not None:
        weight = frame[book.source.weight]
        yield book.source.weight, weight.is_null() | (weight <= 0), "expected a weight above 0"
    life = book.lifetime
    if life.kind == "dates":
        yield from _dates(life, frame)
    elif life.churned is not None:
        yield life.churned, frame[life.churned].is_null(), "expected an outcome"
    if life.tenure is not None:
        yield from _tenure(life, life.tenure, frame)


def _tenure(life: Lifetime, name: str, frame: pl.DataFrame) -> Iterator[Fault]:
    started = life.tenure_counts == "started"
    tenure = frame[name]
    yield name, tenure.is_null(), "expected a tenure"
    yield name, (tenure == 0) & started, 'expected 1 or more, since tenure_counts = "started"'
    if life.entry is not None:
        entry = frame[life.entry]
        yield life.entry, entry.is_null(), "expected the periods that had passed when observation began"
        yield (
            life.entry,
            (entry > tenure - int(started)) & (tenure >= int(started)),
            f"observation began after the last period, see {name}",
        )


def _dates(life: Lifetime, frame: pl.DataFrame) -> Iterator[Fault]:
    start_name, end_name = str(life.start), str(life.end)
    start, end, until = frame[start_name], frame[end_name], life.observed_until
    yield start_name, start.is_null(), "expected a date"
    yield start_name, start > until, f"is after observed_until ({until})"
    yield end_name, end > until, f"is after observed_until ({until})"
    yield end_name, end < start, f"is before {start_name}"
    if life.observed_from is not None:
        yield end_name, end < life.observed_from, f"is before observed_from ({life.observed_from}): never observed"
    if life.churned is not None:
        churned = frame[life.churned].is_in(sorted(life.churned_outcomes))
        yield end_name, end.is_null() & churned, f"expected a date, since {life.churned} says churned"
