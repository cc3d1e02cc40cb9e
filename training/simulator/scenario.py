"""The options of a simulated book."""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np

from training.simulator.observe import add_months
from training.simulator.truth import MONTHS


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulated book is like.

    observed_until: the day of observation. Sign-ups fall in the six years up to it.
    observed_from: only who was a customer on this day or later is in the book.
    drift: what it takes to leave moves between sign-up years.
    leak: plant two features that tell the outcome, one that adds up with tenure and one known after leaving.
    proxy: plant a feature that stands in for the representative's gender, which then plays a part in the truth.
    """

    observed_until: dt.date = dt.date(2026, 3, 31)
    observed_from: dt.date | None = None
    drift: bool = False
    leak: bool = False
    proxy: bool = False

    @property
    def first_day(self) -> dt.date:
        """The first day of sign-ups."""
        until = np.array([self.observed_until], dtype="M8[D]")
        first: dt.date = (add_months(until, np.array([-MONTHS])) + 1)[0].item()
        return first
