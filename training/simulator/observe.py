"""What the simulated company's book gets to know of its customers: who left when, and what else tenure brings."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

SURVEY_MONTH = 6
"""Completed months after which a customer is asked how likely it is to recommend us."""

ANSWERS = 0.6
"""Share of the customers asked who answer."""

LOGINS = 12.0
"""Logins a seat and month, on average."""

LEFT_WHY = ("price", "not_used", "competitor", "closed_down")


def last_days(signed_up: pl.Series, left_in: Ints) -> Days:
    """The last day of the contract's month `left_in`, the day before the next begins. Shape [n]."""
    days: Days = add_months(signed_up.to_numpy().astype("M8[D]"), left_in) - np.timedelta64(1, "D")
    return days


def add_months(days: Days, months: Ints) -> Days:
    """The same day of a later month, or that month's last where it has no such day. Shape [n]."""
    month = days.astype("M8[M]")
    later = month + months
    length = ((later + 1).astype("M8[D]") - later.astype("M8[D]")).astype(np.int64)
    day = np.minimum((days - month.astype("M8[D]")).astype(np.int64), length - 1)
    moved: Days = later.astype("M8[D]") + day.astype("m8[D]")
    return moved


def left(last_day: Days, left_in: Ints, until: dt.date) -> pl.Series:
    """The last day of those who have left before the day of observation; missing for who is a customer still."""
    gone = (left_in > 0) & (last_day < np.datetime64(until, "D"))
    return pl.Series("left", last_day).set(pl.Series(~gone), None)


def stayed(leads: pl.DataFrame, last_day: Days, left_in: Ints, until: dt.date) -> Floats:
    """Months from sign-up to the last day or to the day of observation. Shape [n]."""
    end = np.where(left_in > 0, np.minimum(last_day, np.datetime64(until, "D")), np.datetime64(until, "D"))
    days = (end - leads["signed_up"].to_numpy().astype("M8[D]")).astype(np.float64)
    months: Floats = np.maximum(days, 0.0) * 12 / 365.25
    return months


def nps(rng: np.random.Generator, months: Floats, risk: Floats) -> pl.Series:
    """0..10, from those still there to be asked who answered: the likelier one is to leave, the lower."""
    score = np.clip(np.round(8.5 - 5.0 * risk + rng.normal(0.0, 1.8, len(risk))), 0, 10).astype(np.int64)
    answered = (months > SURVEY_MONTH) & (rng.random(len(risk)) < ANSWERS)
    return pl.Series("nps", score).set(pl.Series(~answered), None)


def leaks(rng: np.random.Generator, leads: pl.DataFrame, months: Floats, left: pl.Series) -> list[pl.Series]:
    """Two columns that no lead can have: logins_total adds up with tenure, left_why is known after leaving."""
    eager = rng.gamma(4.0, 0.25, len(leads))
    logins = rng.poisson(LOGINS * leads["seats"].to_numpy() * eager * months)
    why = pl.Series(LEFT_WHY).gather(rng.integers(0, len(LEFT_WHY), len(leads))).set(left.is_null(), None)
    return [pl.Series("logins_total", logins), why.alias("left_why")]


def proxy(rng: np.random.Generator, leads: pl.DataFrame) -> pl.Series:
    """A membership that most women have and hardly any man: it stands in for the representative's gender."""
    woman = (leads["representative_gender"] == "female").to_numpy()
    return pl.Series("women_in_business_member", rng.random(len(leads)) < np.where(woman, 0.7, 0.03))
