"""The realised value of groups of customers, most of whose histories have not ended yet.

Per head, over T periods of which the first L were observed:

    sum_t S(t - 1) * m(t) - closing cost

with S the group's Kaplan-Meier survival from all exits and m(t) the mean discounted margin of those at risk in t: the
partitioned estimator of Lin et al. 1997 and Bang and Tsiatis 2000, which also holds with delayed entry. Where nobody of
a group is at risk any more, everybody's hazard is taken. After L, hazard and margin of the last quarter of L go on; a
group's hazard is drawn to everybody's as if SUPPORT person-periods more had been seen. The share that pays back is the
cumulative incidence of paying back before leaving (Aalen and Johansen 1978), within L.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

import numpy as np

from training.economics.risksets import Floats, Ints, exposed, per_group, per_head, tally
from training.model.personperiods import SUPPORT
from training.reading.lifetimes import Lifetimes


class History(NamedTuple):
    """What n customers did, and brought in, under observation; each was at risk in some period.

    margin: per period before discounting, closing: cost of closing, currency [n]. break_even: the period in which the
    closing cost is back, 0 where never [n]. discounting: factor of period t = 1..T [T]. observed: L.
    """

    lives: Lifetimes
    margin: Floats
    closing: Floats
    break_even: Ints
    discounting: Floats
    observed: int

    @property
    def outcome_known(self) -> Floats:
        """1 for who is known to have paid back, or not to do so any more, else 0. Shape [n]."""
        gone = self.lives.event | self.lives.other_exit
        known = gone | (self.break_even == 0) | (self.lives.exit >= self.break_even)
        shares: Floats = known.astype(np.float64)
        return shares


class Partition(NamedTuple):
    """Customers divided into G groups; `nested` adds to each group all groups before it. group: 0..G-1 [n]."""

    group: Ints
    groups: int
    nested: bool = False


class Outcomes(NamedTuple):
    """Of each group: how many heads, and per head of them; NaN of nobody. Each [..., G].

    realised: net value, currency. beyond: what of it lies after L. paid_back: share that pays back.
    """

    heads: Floats
    realised: Floats
    beyond: Floats
    paid_back: Floats

    @property
    def total(self) -> Floats:
        """Realised net value of all heads together, currency. Shape [..., G]."""
        return np.where(self.heads > 0, self.heads * self.realised, 0.0)

    def take(self, group: int) -> Outcomes:
        """Those of one group, each [...]."""
        return Outcomes(*(figure[..., group] for figure in self))

    @classmethod
    def stacked(cls, outcomes: Iterable[Self]) -> Self:
        return cls(*map(np.stack, zip(*outcomes, strict=True)))


def resample(
    history: History,
    partitions: Iterable[Partition],
    weight: Floats,
    replicates: int,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Outcomes]:
    """Outcomes of each partition when customers are drawn anew, each [replicates, G]; paired over the partitions."""
    rng = np.random.default_rng(0)
    partitions, n = tuple(partitions), len(weight)
    drawn: list[list[Outcomes]] = [[] for _ in partitions]
    for replicate in range(replicates):
        anew = weight * np.bincount(rng.integers(0, n, n), minlength=n)
        for found, partition in zip(drawn, partitions, strict=True):
            found.append(outcomes(history, partition, anew))
        progress((replicate + 1) / replicates)
    return [Outcomes.stacked(found) for found in drawn]


def outcomes(history: History, partition: Partition, weight: Floats) -> Outcomes:
    """Outcomes of each group of a partition; `weight` is for how many heads each customer counts [n]."""
    group, groups, nested = partition
    heads, margin, closing = (
        _nested(per_group(group, weight * amount, groups), nested=nested)
        for amount in (np.ones(len(weight)), history.margin, history.closing)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        within, beyond = _margins(history, partition, weight, margin / heads)
        realised = within + beyond - closing / heads
    paid_back = np.where(heads > 0, _paid_back(history, partition, weight), np.nan)
    return Outcomes(heads, realised, beyond, paid_back)


def _margins(history: History, partition: Partition, weight: Floats, mean_margin: Floats) -> tuple[Floats, Floats]:
    """Realised discounted margin per head, of the periods up to L and of those after it. Shapes [G]."""
    group, groups, nested = partition
    shape, lives = (groups, history.observed), history.lives
    at_risk = exposed(group, lives.entry, lives.exit, weight, shape)
    paid = exposed(group, lives.entry, lives.exit, weight * history.margin, shape)
    gone = tally(group, lives.exit, weight * (lives.event | lives.other_exit), shape)
    everybodys = per_head(gone.sum(axis=0), at_risk.sum(axis=0), 0.0)
    tail = slice(-max(shape[1] // 4, 1), None)
    late = float(per_head(gone[:, tail].sum(), at_risk[:, tail].sum(), 0.0))
    at_risk, paid, gone = (_nested(counted, nested=nested) for counted in (at_risk, paid, gone))
    stays = 1.0 - per_head(gone, at_risk, everybodys)
    margin = per_head(paid, at_risk, mean_margin[:, None])
    pays = _before(stays)
    within: Floats = (pays * margin) @ history.discounting[: shape[1]]
    carried_on = (gone[:, tail].sum(axis=1) + SUPPORT * late) / (at_risk[:, tail].sum(axis=1) + SUPPORT)
    late_margin = per_head(paid[:, tail].sum(axis=1), at_risk[:, tail].sum(axis=1), mean_margin)
    later = history.discounting[shape[1] :]
    annuity = (1.0 - carried_on[:, None]) ** np.arange(len(later)) @ later
    beyond: Floats = pays[:, -1] * stays[:, -1] * late_margin * annuity
    return within, beyond


def _paid_back(history: History, partition: Partition, weight: Floats) -> Floats:
    """Share that pays back within L periods, before it leaves. Shape [G]."""
    group, groups, nested = partition
    shape, lives = (groups, history.observed), history.lives
    back = np.where(history.break_even > 0, history.break_even, shape[1] + 1)
    reached = lives.exit >= back
    gone = (lives.event | lives.other_exit) & ~reached
    at_risk = exposed(group, lives.entry, np.minimum(lives.exit, back), weight, shape)
    pays = tally(group, back, weight * (reached & (lives.entry < back)), shape)
    leaves = tally(group, lives.exit, weight * gone, shape)
    at_risk, pays, leaves = (_nested(counted, nested=nested) for counted in (at_risk, pays, leaves))
    paying = per_head(pays, at_risk, 0.0)
    leaving = per_head(leaves, at_risk - pays, 0.0)
    incidence: Floats = (_before((1.0 - paying) * (1.0 - leaving)) * paying).sum(axis=1)
    return incidence


def _before(stays: Floats) -> Floats:
    """From the share that stays in each period, the share that is there when it begins. Shape [G, L]."""
    there = np.ones_like(stays)
    there[:, 1:] = np.cumprod(stays[:, :-1], axis=1)
    return there


def _nested(counted: Floats, *, nested: bool) -> Floats:
    if not nested:
        return counted
    summed: Floats = counted.cumsum(axis=0)
    return summed
