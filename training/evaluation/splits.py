"""Splits: who is learned from, as known at the time, and who is then judged.

A book with dates is split by sign-up time (rolling origin): on each of a few days, a model learns from who had signed
up before, with lifetimes as they were known on that day, and judges the next cohort, which is then followed to the end
of observation. Other books are split by customer.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from training.errors import DataError
from training.reading.book import Book
from training.reading.lifetimes import Lifetimes, completed_periods, lifetimes

Ints = NDArray[np.int64]
Split = Literal["sign-up time", "customer", "none"]

CUSTOMERS = 20_000
"""Customers that a model learns from, and that all models together judge, at random if there are more: bounds the time
that a large book takes, and more would change the third digit."""

FOLDS = 5
COHORTS = 4

KNOWN_CHURNERS = 50
"""Churned customers that a day's book must hold for a model to learn from them."""

COHORT = 100
"""Customers that a cohort must hold for its figures to say anything."""


class Part(NamedTuple):
    """One model's share of the work: who it learns from, what was known of them then, and whom it judges.

    train, test: positions in the book, int64. known: lifetimes of `train`.
    """

    name: str
    train: Ints
    known: Lifetimes
    test: Ints


class Parts(NamedTuple):
    """The parts in order, by what they are split, and why not by sign-up time, or ""."""

    parts: tuple[Part, ...]
    split: Split
    note: str


def followed(book: Book, frame: pl.DataFrame) -> Ints | None:
    """Completed periods from sign-up to the end of observation, whoever left before; None without dates. Shape [n]."""
    life = book.lifetime
    if life.start is None or life.observed_until is None:
        return None
    return completed_periods(frame[life.start], life.observed_until, book.source.period).astype(np.int64)


def split(book: Book, frame: pl.DataFrame, lives: Lifetimes, customers: int = CUSTOMERS, seed: int = 0) -> Parts:
    """Part the customers who were at risk in some period, by sign-up time where the book allows it.

    Args:
        book: with its dates, if it has any.
        frame: clean customers.
        lives: of the same.
        customers: that a part may learn from, and that all parts may judge.
        seed: of every draw.
    """
    rng = np.random.default_rng(seed)
    if book.lifetime.kind != "dates":
        return Parts(_by_customer(lives, customers, rng), "customer", "the book has no dates of sign-up")
    parts = _by_time(book, frame, lives, customers, rng)
    if len(parts) > 1:
        return Parts(parts, "sign-up time", "")
    reason = (
        f"too short a history to split by sign-up time: it takes two cohorts of {COHORT} customers who could be"
        f" followed to the horizon, with {KNOWN_CHURNERS} known churners and a horizon of history before each"
    )
    return Parts(_by_customer(lives, customers, rng), "customer", reason)


def _by_customer(lives: Lifetimes, customers: int, rng: np.random.Generator) -> tuple[Part, ...]:
    """Folds, of equal shares of churners where there are enough to share."""
    rows = _sample(np.flatnonzero(lives.observed), customers, rng)
    event = lives.event[rows]
    enough = min(event.sum(), (~event).sum()) >= FOLDS
    folds = (StratifiedKFold if enough else KFold)(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    return tuple(
        Part(f"fold {number}", rows[train], lives.take(rows[train]), rows[test])
        for number, (train, test) in enumerate(folds.split(rows, event), 1)
    )


def _by_time(
    book: Book, frame: pl.DataFrame, lives: Lifetimes, customers: int, rng: np.random.Generator
) -> tuple[Part, ...]:
    """Cohorts of the later half of those who could be followed to the horizon, each judged from its first day."""
    start = frame[book.lifetime.start or ""]
    cuts = _first_days(book, start, followed(book, frame))
    parts = []
    for cut, end in pairwise(cuts):
        test = np.flatnonzero(start.is_between(cut, end, closed="left").to_numpy() & lives.observed)
        before = np.flatnonzero((start < cut).to_numpy())
        known = _known_on(book, frame[before], cut)
        if known is None or len(test) < COHORT or not lives.event[test].any():
            continue
        learns = _sample(np.flatnonzero(known.observed), customers, rng)
        last = min(end - dt.timedelta(days=1), book.lifetime.observed_until or end)
        parts.append(
            Part(
                name=f"{cut} to {last}",
                train=before[learns],
                known=known.take(learns),
                test=_sample(test, customers // COHORTS, rng),
            )
        )
    return tuple(parts)


def _first_days(book: Book, start: pl.Series, known: Ints | None) -> list[dt.date]:
    """The first day of each cohort, and the day after the last; none where history is too short."""
    horizon, since = book.lifetime.horizons[0], book.lifetime.observed_from
    matured = start.filter(known >= horizon) if known is not None else start.head(0)
    days: list[dt.date] = matured.sort().to_list()
    begin = max(days[0], since) if days and since else next(iter(days), None)
    if begin is None:
        return []
    later = pl.Series(days[len(days) // 2 :])
    history = completed_periods(pl.repeat(begin, len(later), dtype=pl.Date, eager=True), later, book.source.period)
    later = later.filter(history >= horizon)
    if later.is_empty():
        return []
    firsts = {later[len(later) * k // COHORTS] for k in range(COHORTS)}
    return [*sorted(firsts), later[-1] + dt.timedelta(days=1)]


def _known_on(book: Book, frame: pl.DataFrame, day: dt.date) -> Lifetimes | None:
    """Lifetimes as a book taken on that day would tell them; None with too few churners in it to learn from."""
    life = book.lifetime
    then = msgspec.structs.replace(book, lifetime=msgspec.structs.replace(life, observed_until=day))
    left = pl.col(life.end or "")
    try:
        known = lifetimes(then, frame.with_columns(pl.when(left < day).then(left)))
    except DataError:  # all had churned, or none
        return None
    return known if (known.event & known.observed).sum() >= KNOWN_CHURNERS else None


def _sample(rows: Ints, customers: int, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= customers else np.sort(rng.choice(rows, customers, replace=False))
