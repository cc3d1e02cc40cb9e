"""Lifetimes: in which periods each customer was at risk, and whether it churned in the last of them.

Periods are counted 1, 2, … from sign-up. A customer with k completed periods

    who churned                     has its event in period k + 1, at risk in 1..k+1
    who is a customer still         is censored, at risk in 1..k, which is no period at all when k = 0
    who left for another reason     is at risk in 1..k+1 without event

The last row is a choice. The other exit fell in period k + 1, which the customer entered as a customer: it could have
churned in it. Counted there, for churn without event and for the other exits with one among those who did not churn,
the product S(t) * O(t), see `other_exit_survival`, is exactly the share that has neither churned nor left otherwise,
which is what the money needs.

A tenure counted as "started" is the number of the last period itself: event, exit or censoring falls in period k, at
risk in 1..k. A plain yes/no book is the case k = 1. With entry a, only the periods after a count (delayed entry).

Of dates, a period counts where all of it was observed. Of the one under way on `observed_until` only those who have
left already would count, not those who still may; of the one under way on `observed_from`, only those who had not yet
left. So a customer who left in the former is censored at its beginning, and entry is at the end of the latter.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.value import Period
from training.errors import DataError
from training.model.personperiods import SUPPORT
from training.reading.book import Book

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}


class Lifetimes(msgspec.Struct, frozen=True):
    """n customers: each is at risk in the periods entry+1..exit and its event, if any, falls in `exit`.

    entry, exit: int32 [n]. event: churned, bool [n]. other_exit: left in `exit` for another reason, bool [n].
    """

    entry: Ints
    exit: Ints
    event: Bools
    other_exit: Bools

    def __len__(self) -> int:
        return len(self.exit)

    @property
    def observed(self) -> Bools:
        """Whether a customer was at risk in any period; one that was not teaches nothing. Shape [n]."""
        return self.exit > self.entry

    def take(self, rows: NDArray[np.integer] | Bools) -> Lifetimes:
        """Those of some customers, by position or by mask."""
        return Lifetimes(self.entry[rows], self.exit[rows], self.event[rows], self.other_exit[rows])


def lifetimes(book: Book, frame: pl.DataFrame) -> Lifetimes:
    """The lifetimes of clean customers (see training.reading.ingest), in their order.

    Raises:
        DataError: nobody churned, or everybody did, so that there is nothing to tell apart.
    """
    life = book.lifetime
    churned, left = _outcomes(book, frame)
    completed = np.zeros(len(frame), dtype=np.int32)
    entry = np.zeros(len(frame), dtype=np.int32)
    if life.start is not None and life.end is not None and life.observed_until is not None:
        start, period = frame[life.start], book.source.period
        completed = completed_periods(start, frame[life.end].fill_null(life.observed_until), period)
        known = completed < completed_periods(start, life.observed_until, period)
        churned, left = churned & known, left & known
        if life.observed_from is not None:
            day_before = life.observed_from - dt.timedelta(days=1)
            entry = np.maximum(completed_periods(start, day_before, period) + 1, 0)
    elif life.tenure is not None:
        completed = frame[life.tenure].to_numpy().astype(np.int32)
        if life.entry is not None:
            entry = frame[life.entry].to_numpy().astype(np.int32)
    if life.kind == "plain":
        last = completed + 1
    else:
        last = completed + ((churned | left) if life.tenure_counts == "completed" else 0)
    _need_both(book, frame, churned)
    observed = last > entry
    return Lifetimes(np.minimum(entry, last), last.astype(np.int32), churned & observed, left & observed)


def gone(book: Book, frame: pl.DataFrame, lives: Lifetimes) -> Bools:
    """Which customers have left for whatever reason, those included who did in a period that does not count. [n]."""
    if book.lifetime.end is None:
        return lives.event | lives.other_exit
    return frame[book.lifetime.end].is_not_null().to_numpy()


def completed_periods(start: pl.Series, end: pl.Series | dt.date, period: Period) -> Ints:
    """How many whole calendar periods fit between two dates, negative when `end` comes first. Shape [n].

    A month from the 15th is completed on the next 15th. From a day that the later month does not have, it is completed
    on that month's last day: from January 31 on February 28 (29 in a leap year), from February 29 on February 28 of the
    next year. A quarter is three months, a year twelve, a week seven days.
    """
    dates = start.alias("start").to_frame().with_columns(end=end)
    a, b = pl.col("start"), pl.col("end")
    if period in DAYS:
        count = (b - a).dt.total_days() // DAYS[period]
    else:
        months = 12 * (b.dt.year() - a.dt.year()) + b.dt.month().cast(pl.Int32) - a.dt.month().cast(pl.Int32)
        short = (b.dt.day() < a.dt.day()) & (b != b.dt.month_end())
        count = (months - short.cast(pl.Int32)) // MONTHS[period]
    return dates.select(count.cast(pl.Int32)).to_series().to_numpy()


def structured(lives: Lifetimes) -> NDArray[np.void]:
    """Lifetimes as the estimator takes them: a structured array of event, time (the last period at risk) and entry."""
    y = np.empty(len(lives), dtype=[("event", np.bool_), ("time", np.int32), ("entry", np.int32)])
    y["event"], y["time"], y["entry"] = lives.event, lives.exit, lives.entry
    return y


def at_risk(lives: Lifetimes, periods: int, weight: Floats | None = None) -> Floats:
    """How many customers, or how much of their `weight` [n], were at risk in period t = 1..T. Shape [T]."""
    seen = lives.observed
    counted = None if weight is None else weight[seen]
    begun = np.bincount(np.minimum(lives.entry[seen], periods), counted, minlength=periods + 1)[:periods]
    over = np.bincount(np.minimum(lives.exit[seen], periods), counted, minlength=periods + 1)[:periods]
    exposed: Floats = np.cumsum(begun - over).astype(np.float64)
    return exposed.round(9)  # what adding and taking away fractions leaves over is nobody


def ended(lives: Lifetimes, which: Bools, periods: int, weight: Floats | None = None) -> Floats:
    """For how many of some customers (or how much of their weight) period t = 1..T was the last at risk. Shape [T]."""
    who = which & lives.observed
    counted = None if weight is None else weight[who]
    counts = np.bincount(np.minimum(lives.exit[who], periods + 1), counted, minlength=periods + 2)[1:-1]
    return counts.astype(np.float64)


def last_supported(exposed: Floats) -> int:
    """The last period in which at least SUPPORT customers were at risk; 0 when there is none."""
    return int(np.flatnonzero(exposed >= SUPPORT).max(initial=-1)) + 1


def kaplan_meier(lives: Lifetimes, periods: int, weight: Floats | None = None) -> Floats:
    """Share not yet churned after period t = 1..T, other exits censored (Kaplan and Meier 1958). Shape [T].

    NaN from the first period in which nobody was at risk. `weight`: for how many customers each stands, [n].
    """
    exposed = at_risk(lives, periods, weight)
    events = ended(lives, lives.event, periods, weight)
    hazard = np.divide(events, exposed, out=np.full(periods, np.nan), where=exposed > 0)
    stays: Floats = np.cumprod(1.0 - hazard)
    return stays


def other_exit_survival(lives: Lifetimes, periods: int, weight: Floats | None = None) -> Floats:
    """O(t), the share that has not left for another reason than churn after period t = 1..T. Shape [T].

    The other exit of a period is for those who did not churn in it. After the last period that SUPPORT customers
    reached, the hazard of the last quarter of those before, pooled, is carried on. `weight`: for how many customers
    each stands, [n].
    """
    exposed = at_risk(lives, periods, weight) - ended(lives, lives.event, periods, weight)
    exits = ended(lives, lives.other_exit, periods, weight)
    supported = last_supported(at_risk(lives, periods) - ended(lives, lives.event, periods)) or periods
    tail = slice(supported - max(supported // 4, 1), supported)
    hazard = np.divide(exits, exposed, out=np.zeros(periods), where=exposed > 0)
    hazard[supported:] = exits[tail].sum() / (exposed[tail].sum() or 1.0)
    stays: Floats = np.cumprod(1.0 - hazard, dtype=np.float64)
    return stays


def _outcomes(book: Book, frame: pl.DataFrame) -> tuple[Bools, Bools]:
    """Who churned, and who left for another reason."""
    life = book.lifetime
    said = frame[life.churned] if life.churned is not None else None
    churned = np.ones(len(frame), dtype=np.bool_) if said is None else _is_in(said, life.churned_outcomes)
    if life.end is not None:
        gone = frame[life.end].is_not_null().to_numpy()
        return gone & churned, gone & ~churned
    left = np.zeros(len(frame), dtype=np.bool_) if said is None else _is_in(said, life.exited_outcomes)
    return churned, left


def _is_in(values: pl.Series, outcomes: frozenset[str]) -> Bools:
    return values.is_in(sorted(outcomes)).fill_null(False).to_numpy().astype(np.bool_)


def _need_both(book: Book, frame: pl.DataFrame, churned: Bools) -> None:
    life = book.lifetime
    n, events = len(churned), int(churned.sum())
    if 0 < events < n:
        return
    column = life.churned or life.end
    found = "" if life.churned is None else ", ".join(sorted(frame[life.churned].drop_nulls().unique())[:5])
    raise DataError(
        f"{book.source.data}: {column}: {events} of {n} customers churned; some must have churned and some not"
        + (f"; found {found}, and churned_when is {', '.join(sorted(life.churned_outcomes))}" if found else "")
    )
