"""Figures with their 95 % confidence intervals."""

from __future__ import annotations

import msgspec


class Estimate(msgspec.Struct, frozen=True):
    """A figure and its confidence interval, low <= value <= high."""

    value: float
    low: float
    high: float
