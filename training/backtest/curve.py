"""The profit curve: what turning customers away in the order of a prediction would have earned."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from training.backtest.figures import LEVELS, Estimate, estimate
from training.backtest.realised import Outcomes, Partition
from training.economics.risksets import Floats
from training.economics.values import finite

By = Literal["net_value", "risk"]

POINTS = 100
"""Shares of the customers at which the curve is told, where predictions are not the same."""

ROUND: dict[By, Floats] = {"net_value": np.zeros(1), "risk": np.arange(1, 10) / 10}
"""Thresholds that people ask for, told besides."""

LEADS = 100
"""Gains are told per so many leads."""


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The best point of a profit curve.

    point: its position in the curve. gain: per 100 leads; a little flattered, since the point was chosen on the same
    customers. share: turned away, with the interval in which the best point falls when customers are drawn anew.
    beats_nobody: whether some point of the curve gains more than turning nobody away, beyond chance (a simultaneous
    95 % band over all points).
    """

    point: int
    threshold: float | None
    share: Estimate
    gain: Estimate
    beats_nobody: bool


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The profit curve: who is turned away in the order of a prediction, from nobody to everybody.

    threshold: turned away are those whose net value is below it, or whose risk is at or above it; None where that is
    nobody, and everybody. share: turned away, 0..1. gain: against turning nobody away, currency per 100 leads, with its
    80 % and 95 % intervals. paid_back: share of those turned away that brought in its closing cost. All of one length.
    """

    by: By
    threshold: tuple[float | None, ...]
    share: tuple[float, ...]
    gain: tuple[float, ...]
    low_80: tuple[float, ...]
    high_80: tuple[float, ...]
    low_95: tuple[float, ...]
    high_95: tuple[float, ...]
    paid_back: tuple[float | None, ...]
    best: Best


class Ordered(msgspec.Struct, frozen=True):
    """Customers in the order in which they would be turned away.

    thresholds: K of them. partition: K + 1 nested groups, those turned away at each threshold, and everybody.
    """

    by: By
    thresholds: Floats
    partition: Partition


def order(by: By, prediction: Floats) -> Ordered:
    """Order customers by a prediction [n]; whoever is predicted the same is turned away together."""
    within = ROUND[by][(ROUND[by] > prediction.min()) & (ROUND[by] <= prediction.max())]
    quantiles = np.quantile(prediction, np.arange(1, POINTS) / POINTS, method="higher")
    ascending = np.unique(np.append(quantiles[quantiles > prediction.min()], within))
    group = np.searchsorted(ascending, prediction, "right")
    if by == "risk":
        ascending, group = ascending[::-1], len(ascending) - group
    return Ordered(by, ascending, Partition(group, len(ascending) + 1, nested=True))


def gains(found: Outcomes, everybody: Floats) -> Floats:
    """What turning each group away gains, currency per LEADS of the leads, `everybody` [...]. Shape [..., G]."""
    per_leads: Floats = -LEADS * found.total / everybody[..., None]
    return per_leads


def from_nobody(nested: Outcomes) -> Floats:
    """Gains of nested groups, the last of which is everybody, after that of turning nobody away. Shape [..., G + 1]."""
    along = gains(nested, nested.heads[..., -1])
    return np.concatenate([np.zeros_like(along[..., :1]), along], axis=-1)


def curve(ordered: Ordered, found: Outcomes, drawn: Outcomes) -> Curve:
    """The curve, from the outcomes of its groups [K + 1], and those with customers drawn anew [replicates, K + 1]."""
    share = np.append(0.0, found.heads / found.heads[-1])
    gain, anew = from_nobody(found), from_nobody(drawn)
    threshold = (None, *ordered.thresholds.tolist(), None)
    best = int(gain.argmax())
    bands = np.percentile(anew, LEVELS, axis=0)
    return Curve(
        by=ordered.by,
        threshold=threshold,
        share=tuple(share.tolist()),
        gain=tuple(gain.tolist()),
        **{name: tuple(bound.tolist()) for name, bound in zip(BANDS, bands, strict=True)},
        paid_back=(None, *map(finite, found.paid_back)),
        best=Best(
            point=best,
            threshold=threshold[best],
            share=estimate(share[best], share[anew.argmax(axis=1)]),
            gain=estimate(gain[best], anew[:, best]),
            beats_nobody=_beats_nobody(gain, anew),
        ),
    )


BANDS = ("low_80", "high_80", "low_95", "high_95")


def _beats_nobody(gain: Floats, anew: Floats) -> bool:
    """Whether the gain is above zero somewhere, by a band that holds all points at once in 95 of 100 samples."""
    deviation = anew.std(axis=0)
    told = deviation > 0
    reach = np.percentile((np.abs(anew - gain)[:, told] / deviation[told]).max(axis=1, initial=0.0), 95.0)
    return bool((gain[told] > reach * deviation[told]).any())
