"""Person-periods: who was at risk when, counted per customer and segment of time instead of repeated per period.

A customer at risk in periods entry + 1 .. exit contributes one Bernoulli trial a period. Within a segment of constant
hazard those trials differ in their label alone: two rows, weighted by periods survived and by events, are as likely.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SUPPORT = 50
"""Customers at risk from which a period counts as known; after the last such one, hazards are carried on."""


class SurvivalTarget(NamedTuple):
    """n lifetimes: at risk in periods entry + 1 .. exit, with an event in period `exit` or censored after it.

    timed: whether they were told in periods; plain labels are one period of no length.
    """

    entry: Ints
    exit: Ints
    event: NDArray[np.bool_]
    classes: NDArray[np.generic]
    timed: bool

    def take(self, who: NDArray[np.intp]) -> SurvivalTarget:
        """The lifetimes at some positions."""
        return self._replace(entry=self.entry[who], exit=self.exit[who], event=self.event[who])


def survival_target(y: ArrayLike | None, n: int) -> SurvivalTarget:
    """Read a target: structured (event, time[, entry]), or two plain labels of which the second in order is the event.

    Raises:
        ValueError: no target of n rows, more or fewer than two labels, no event, or a time that is no whole period.
    """
    if y is None:
        raise ValueError("this estimator requires y to be passed, but the target y is None")
    array = np.asarray(y)
    if array.dtype.names is None:
        return _plain_target(array, n)
    missing = {"event", "time"} - set(array.dtype.names)
    if missing:
        raise ValueError(
            f"a structured target needs the fields event and time (and may have entry); it lacks {missing}"
        )
    event = array["event"].astype(bool)
    exit_ = _whole_periods(array["time"], "time")
    entry = _whole_periods(array["entry"], "entry") if "entry" in array.dtype.names else np.zeros_like(exit_)
    if len(array) != n:
        raise ValueError(f"X has {n} customers, y has {len(array)}")
    if (entry < 0).any() or (exit_ < entry).any():
        raise ValueError("every customer needs 0 <= entry <= time")
    if (event & (exit_ == entry)).any():
        raise ValueError("an event at entry is outside the periods at risk; it needs time > entry")
    if not event.any():
        raise ValueError("no customer has an event; a hazard cannot be learned from none")
    return SurvivalTarget(entry, exit_, event, np.array([False, True]), timed=True)


def _plain_target(y: NDArray[np.generic], n: int) -> SurvivalTarget:
    labels = column_or_1d(check_array(y, ensure_2d=False, dtype=None), warn=True)
    check_classification_targets(labels)
    kind = type_of_target(labels, input_name="y")
    if kind != "binary":
        raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"the target has one class, {classes[0]!r}; a classifier needs two")
    if len(labels) != n:
        raise ValueError(f"X has {n} customers, y has {len(labels)}")
    return SurvivalTarget(np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64), codes == 1, classes, timed=False)


def _whole_periods(times: NDArray[np.generic], field: str) -> Ints:
    whole = times.astype(np.int64)
    if not np.array_equal(whole, times):
        raise ValueError(f"{field} must be whole periods")
    return whole


class TimeGrid(NamedTuple):
    """Segments of time within which the hazard is constant.

    ends: last period of each segment, [G]; the last segment is carried on for ever.
    supported_periods: the last period that `tail` customers reached; 0 when none did.
    horizon, periods: H and T.
    """

    ends: Ints
    supported_periods: int
    horizon: int
    periods: int

    @classmethod
    def over(cls, target: SurvivalTarget, *, horizon: int, periods: int, max_segments: int, tail: int) -> Self:
        """Divide the supported periods into at most `max_segments` of about equal numbers of events.

        A target of plain labels has one period, whatever horizon and periods say.
        """
        last = int(target.exit.max())
        if not target.timed:
            horizon = periods = 1
        at_risk = np.cumsum(
            np.bincount(target.entry, minlength=last + 1) - np.bincount(target.exit, minlength=last + 1)
        )[:last]  # at_risk[t - 1] customers are at risk in period t: entered before it, not yet gone
        reached = np.flatnonzero(at_risk >= tail)
        supported = int(reached[-1]) + 1 if len(reached) else 0
        end = max(supported, 1)
        events = np.bincount(np.minimum(target.exit[target.event], end), minlength=end + 1)[1:].cumsum()
        steps = events[-1] * np.arange(1, max_segments) / max_segments
        ends = np.unique(np.append(np.searchsorted(events, steps) + 1, end))
        return cls(ends.astype(np.int64), supported, horizon, max(periods, horizon))

    @property
    def segments(self) -> int:
        return len(self.ends)

    @property
    def segment_of(self) -> Ints:
        """The segment of each period 1..T. Shape [T]."""
        return np.minimum(np.searchsorted(self.ends, np.arange(1, self.periods + 1)), self.segments - 1)

    @property
    def periods_until(self) -> Floats:
        """How many of the periods 1..t lie in segment g. Shape [G, T]."""
        return np.cumsum(self.segment_of == np.arange(self.segments)[:, None], axis=1).astype(np.float64)

    @property
    def periods_in_horizon(self) -> Floats:
        """How many of the periods 1..H lie in segment g. Shape [G]."""
        return self.periods_until[:, self.horizon - 1]


class PersonPeriods(NamedTuple):
    """Counted rows: customer, segment, label and how many trials the row stands for. Each shape [rows]."""

    customer: Ints
    segment: Ints
    label: Ints
    trials: Floats


def count_person_periods(target: SurvivalTarget, grid: TimeGrid) -> PersonPeriods:
    """The trials of every customer in every segment, survivals first, then events."""
    starts = np.concatenate([[0], grid.ends[:-1]])
    ends = np.concatenate([grid.ends[:-1], [np.iinfo(np.int64).max]])
    exposure = np.minimum(target.exit[:, None], ends) - np.maximum(target.entry[:, None], starts)
    exposure = np.maximum(exposure, 0)
    who = np.flatnonzero(target.event)
    when = np.minimum(np.searchsorted(grid.ends, target.exit[who]), grid.segments - 1)
    exposure[who, when] -= 1
    customer, segment = np.nonzero(exposure)
    return PersonPeriods(
        customer=np.concatenate([customer, who]),
        segment=np.concatenate([segment, when]),
        label=np.concatenate([np.zeros_like(customer), np.ones_like(who)]),
        trials=np.concatenate([exposure[customer, segment], np.ones(len(who))]).astype(np.float64),
    )
