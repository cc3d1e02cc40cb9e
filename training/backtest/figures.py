"""Figures with intervals from customers drawn anew."""

from __future__ import annotations

import msgspec
import numpy as np

from training.reading.lifetimes import Floats

LEVELS = (10.0, 90.0, 2.5, 97.5)
"""Percentiles that bound the 80 % and the 95 % interval."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 80 % and 95 % intervals, from a bootstrap of customers."""

    value: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


def estimate(value: float | Floats, drawn: Floats) -> Estimate:
    """The figure with percentiles of what it was when customers were drawn anew [replicates], NaN where undefined."""
    return Estimate(float(value), *(float(bound) for bound in np.nanpercentile(drawn, LEVELS)))
