"""Axes: where a figure falls on the paper, and at which round figures an axis is marked."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
import numpy as np

ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
FINE = (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
"""Where a short axis of factors around 1 is marked."""


class Axis(msgspec.Struct, frozen=True):
    """Figures from `low` to `high` on the paper from `start` to `end`, evenly or, with `log`, by their ratios."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, figure: float) -> float:
        """Where on the paper; figures beyond the ends are put on them."""
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, self._within(figure)))
        return round(self.start + (self.end - self.start) * (at - low) / ((high - low) or 1.0), 1)

    @property
    def ticks(self) -> list[float]:
        """Three to seven round figures within the axis."""
        if self.log:
            return self._ratios()
        step = _step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) for k in range(first, last + 1)]

    def _ratios(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        marked = [round(r * 10.0**k, 12) for k in powers for r in (1, 2, 5)] if self.high / self.low > 3 else FINE
        inside = [factor for factor in marked if self.low * 0.999 <= factor <= self.high * 1.001]
        return inside if len(inside) <= 7 else [f for f in inside if math.log10(f).is_integer()]

    def _within(self, figure: float) -> float:
        return min(max(figure, self.low), self.high)


def bounds(figures: Iterable[float], *, include: Iterable[float] = (), log: bool = False) -> tuple[float, float]:
    """The least and greatest of the figures, a little apart from the axis' ends; what is included may be an end."""
    values = np.array([v for v in figures if math.isfinite(v) and (v > 0 or not log)], dtype=float)
    must = list(include)
    low = min([*values.tolist(), *must], default=0.0)
    high = max([*values.tolist(), *must], default=1.0)
    if log:
        margin = (high / low) ** 0.06
        return low / margin, high * margin
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low if low in must else low - margin, high if high in must and high > low else high + margin


def _step(least: float) -> float:
    """The least round figure that is no smaller."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * r for r in ROUND if power * r >= least * 0.999), 10 * power)
