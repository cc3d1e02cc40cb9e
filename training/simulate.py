"""The simulator: a book of customers whose true risk and value are known, to measure the model against.

Periods are months. A customer leaves on the last day of a month of its contract, as it has paid for that month; the
book knows of it from the next day on. So every month that the book tells of was observed to its end, for those who left
in it as for those who stayed, and censoring takes nobody's part.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.errors import TrainingError
from training.simulator.book import book_text
from training.simulator.leads import draw_leads
from training.simulator.observe import last_days, leaks, left, nps, proxy, stayed
from training.simulator.scenario import Scenario
from training.simulator.truth import MONTHS, VALUE_HORIZON, true_survival, true_value

Ints = NDArray[np.int64]

CHUNK = 20_000
"""Customers drawn at once: the curves of so many fit in the processor's memory."""

EARLIEST = dt.date(1900, 1, 1)
"""Day of observation from which all dates are plain ones."""


class Simulated(msgspec.Struct, frozen=True):
    """A simulated book: its customers as the data file holds them, and a row of truth for each.

    truth: customer_id; left_in, the month in which the customer leaves, observed or not (0: after all that are
    simulated); risk, pltv, net_value, ltv_minus; part_*, the parts of the log-odds; s_1 .. s_60, S(t).
    """

    scenario: Scenario
    frame: pl.DataFrame
    truth: pl.DataFrame

    @property
    def survival(self) -> NDArray[np.float32]:
        """S(t | x), t = 1..VALUE_HORIZON. Shape [n, VALUE_HORIZON]."""
        return self.truth.select(CURVE).to_numpy()


CURVE = [f"s_{t}" for t in range(1, VALUE_HORIZON + 1)]

PLAIN = Scenario()


def simulate(
    customers: int, seed: int, scenario: Scenario = PLAIN, progress: Callable[[float], None] = lambda _: None
) -> Simulated:
    """Simulate a book; the same arguments give the same customers.

    Args:
        customers: how many sign up; with `observed_from` those who had left before are drawn, but not in the book.
        seed: of every draw.
        scenario: what the book is like.
        progress: told how far the drawing is.

    Raises:
        TrainingError: no customers, or a day of observation that makes no sense.
    """
    if customers < 1 or seed < 0:
        raise TrainingError(f"simulate: {customers} customers, seed {seed}: expected 1 or more, and 0 or more")
    if scenario.observed_until < EARLIEST:
        raise TrainingError(f"simulate: observed_until {scenario.observed_until}: expected {EARLIEST} or later")
    since, first = scenario.observed_from, scenario.first_day
    if since is not None and not first <= since < scenario.observed_until:
        raise TrainingError(f"simulate: observed_from {since}: expected {first} or later, before observed_until")
    drawn = []
    for before in range(0, customers, CHUNK):
        rng = np.random.default_rng([seed, before])
        drawn.append(_draw(rng, min(CHUNK, customers - before), before, scenario))
        progress(min(before + CHUNK, customers) / customers)
    return Simulated(scenario, pl.concat([frame for frame, _ in drawn]), pl.concat([truth for _, truth in drawn]))


def write_simulated(folder: Path, simulated: Simulated, *, parquet: bool = False) -> Path:
    """Write saas.csv (or saas.parquet), saas.toml and truth.parquet into `folder`, and return the book's path."""
    folder.mkdir(parents=True, exist_ok=True)
    data = "saas.parquet" if parquet else "saas.csv"
    if parquet:
        simulated.frame.write_parquet(folder / data)
    else:
        simulated.frame.write_csv(folder / data)
    simulated.truth.write_parquet(folder / "truth.parquet")
    book = folder / "saas.toml"
    book.write_text(book_text(data, simulated.scenario), "utf-8")
    return book


def _draw(rng: np.random.Generator, n: int, before: int, scenario: Scenario) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the book, and those of the truth, of n sign-ups that follow the first `before`."""
    first, until = scenario.first_day, scenario.observed_until
    leads = draw_leads(rng, n, first, until)
    drift = _year(leads["signed_up"], first) if scenario.drift else 0.0
    truth = true_survival(leads, drift=drift, unfair=scenario.proxy)
    worth = true_value(leads, truth.survival)
    left_in = _leave(rng, truth.survival)
    last_day = last_days(leads["signed_up"], left_in)
    months = stayed(leads, last_day, left_in, until)
    number = pl.Series(np.arange(before + 1, before + n + 1)).cast(pl.String)
    ids = ("C-" + number.str.zfill(7)).alias("customer_id")
    ends = left(last_day, left_in, until)
    frame = leads.select(ids, "signed_up", ends, pl.exclude("signed_up"), nps(rng, months, truth.risk))
    if scenario.leak:
        frame = frame.with_columns(leaks(rng, leads, months, ends))
    if scenario.proxy:
        frame = frame.with_columns(proxy(rng, leads))
    known = pl.DataFrame(
        {
            "customer_id": ids,
            "left_in": left_in,
            "risk": truth.risk,
            "pltv": worth.pltv,
            "net_value": worth.net_value,
            "ltv_minus": worth.ltv_minus,
            **{f"part_{name}": part for name, part in truth.parts.items()},
        }
    ).hstack(pl.DataFrame(truth.survival[:, :VALUE_HORIZON].astype(np.float32), schema=CURVE))
    if scenario.observed_from is not None:
        there = (left_in == 0) | (last_day >= np.datetime64(scenario.observed_from, "D"))
        return frame.filter(there), known.filter(there)
    return frame, known


def _leave(rng: np.random.Generator, survival: NDArray[np.float64]) -> Ints:
    """The month in which each customer leaves, 0 where that is after all months of `survival`. Shape [n]."""
    stayed_on: Ints = (survival > rng.random(len(survival))[:, None]).sum(axis=1)
    return np.where(stayed_on == survival.shape[1], 0, stayed_on + 1)


def _year(signed_up: pl.Series, first: dt.date) -> NDArray[np.float64]:
    """Where each sign-up's year stands among all years, from -1 for the first to 1 for the last. Shape [n]."""
    year = (signed_up - first).dt.total_days().to_numpy() // 365.25
    last = MONTHS // 12 - 1
    drift: NDArray[np.float64] = 2 * np.minimum(year, last) / last - 1
    return drift
