"""What one group of customers says of a model: each metric with its interval, or why it is not defined."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from training.evaluation.calibration import interval
from training.evaluation.holdout import HeldOut
from training.evaluation.metrics import (
    Ints,
    Weighed,
    administrative_brier,
    auc,
    brier,
    c_index,
    expected_events,
    integrated_brier,
)
from training.model.personperiods import SUPPORT
from training.reading.lifetimes import Bools, Floats, Lifetimes, at_risk

BRIER_TIMES = 24
"""Periods that the integrated Brier score looks at."""

RARE = "so few churned that resamples of the customers leave it undefined"


class Figure(msgspec.Struct, frozen=True):
    """A metric and its 95 % interval by customer bootstrap."""

    value: float
    low: float
    high: float


class CohortMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a model on some customers; None where one is not defined, and `undefined` says why.

    name: of the cohort, or "all". customers, events: those at risk in some period, and how many of them churned. tau:
    the last period with enough at risk. c_index_ipcw: concordance up to tau, censoring weighted out (Uno et al. 2011).
    auc_at_horizon: cumulative dynamic AUC (Hung and Chiang 2010). brier_at_horizon, integrated_brier: Graf et al. 1999,
    the latter from period 1 to min(tau, T). administrative_brier: at the horizon, of those followed that long (Kvamme
    and Borgan 2019). expected_over_observed: churn events within T periods, summed over the periods at risk. mean_risk,
    kaplan_meier_churn: both within the horizon. Shares are 0..1; other exits than churn censor.
    """

    name: str
    customers: int
    events: int
    tau: int
    c_index_ipcw: Figure | None
    auc_at_horizon: Figure | None
    brier_at_horizon: Figure | None
    integrated_brier: Figure | None
    administrative_brier: Figure | None
    expected_over_observed: Figure | None
    expected_events: float
    observed_events: float
    mean_risk: float
    kaplan_meier_churn: float | None
    undefined: dict[str, str]


def measure(name: str, held_out: HeldOut, people: Weighed, horizon: int) -> CohortMetrics:
    """Metrics of some customers, as far as they are defined.

    Args:
        name: of these customers.
        held_out: them.
        people: the same under their own weights and resampled, for periods up to the horizon and the longest life.
        horizon: H, in periods.
    """
    lives, curve, tau = held_out.lives, held_out.survival, supported(held_out.lives)
    risk, end = 1.0 - curve[:, horizon - 1], min(supported(held_out.lives), curve.shape[1])
    expected = expected_events(curve, lives) @ people.weights
    observed = within(lives, curve.shape[1]).astype(np.float64) @ people.weights
    churn = 1.0 - people.survival[horizon, :1]
    short = _too_short(lives, horizon, tau)
    metrics: dict[str, tuple[str, Callable[[], Floats]]] = {
        "c_index_ipcw": (_no_events(lives, tau), lambda: c_index(risk, people, tau)),
        "auc_at_horizon": (short or _one_outcome(lives, horizon), lambda: auc(risk, people, horizon)),
        "brier_at_horizon": (short, lambda: brier(curve[:, horizon - 1], people, horizon)),
        "integrated_brier": (
            _no_events(lives, tau) or ("" if end > 1 else "there is one period to look at; see brier_at_horizon"),
            lambda: integrated_brier(curve, people, brier_periods(end)),
        ),
        "administrative_brier": (
            _not_followed(held_out, horizon),
            lambda: administrative_brier(curve[:, horizon - 1], people, _followed(held_out), horizon),
        ),
        "expected_over_observed": (
            "" if observed[0] > 0 else "nobody churned",
            lambda: np.divide(expected, observed, out=np.full_like(observed, np.nan), where=observed > 0),
        ),
    }
    figures = {metric: None if reason else figure(compute()) for metric, (reason, compute) in metrics.items()}
    undefined = {metric: metrics[metric][0] or RARE for metric, found in figures.items() if found is None}
    if np.isnan(churn[0]):
        undefined["kaplan_meier_churn"] = f"nobody was at risk up to period {horizon}"
    return CohortMetrics(
        name=name,
        customers=len(lives),
        events=int(lives.event.sum()),
        tau=tau,
        c_index_ipcw=figures["c_index_ipcw"],
        auc_at_horizon=figures["auc_at_horizon"],
        brier_at_horizon=figures["brier_at_horizon"],
        integrated_brier=figures["integrated_brier"],
        administrative_brier=figures["administrative_brier"],
        expected_over_observed=figures["expected_over_observed"],
        expected_events=round(float(expected[0]), 3),
        observed_events=round(float(observed[0]), 3),
        mean_risk=round(float(np.average(risk, weights=held_out.weight)), 6),
        kaplan_meier_churn=None if np.isnan(churn[0]) else round(float(churn[0]), 6),
        undefined=undefined,
    )


def figure(values: Floats) -> Figure | None:
    """A metric [1 + replicates] as a figure; None where it, or too many of its resamples, are not defined.

    Six digits: what differs beyond them differs by the order of summation.
    """
    bounds = interval(values[1:])
    if bounds is None or not np.isfinite(values[0]):
        return None
    return Figure(round(float(values[0]), 6), *bounds)


def within(lives: Lifetimes, periods: int) -> Bools:
    """Who was seen to churn in periods 1..T. Shape [n]."""
    return lives.event & lives.observed & (lives.exit <= periods)


def supported(lives: Lifetimes) -> int:
    """The last period up to which there are SUPPORT customers at risk in each; 0 when there is none."""
    few = np.flatnonzero(at_risk(lives, int(lives.exit.max(initial=1))) < SUPPORT)
    return int(few[0]) if len(few) else int(lives.exit.max(initial=0))


def brier_periods(last: int) -> Ints:
    """At most BRIER_TIMES periods from 1 to `last`, evenly spaced."""
    return np.unique(np.linspace(1, last, BRIER_TIMES).astype(np.int64))


def _no_events(lives: Lifetimes, tau: int) -> str:
    if tau == 0:
        return f"fewer than {SUPPORT} customers were at risk in the first period"
    return "" if within(lives, tau).any() else f"nobody churned up to period {tau}, the last with enough at risk"


def _too_short(lives: Lifetimes, horizon: int, tau: int) -> str:
    """Why the horizon cannot be looked at; where everybody's outcome is known, however few they are, it can."""
    known = (lives.entry == 0) & (within(lives, horizon) | (lives.exit >= horizon))
    return "" if horizon <= tau or known.all() else f"too few customers were at risk after period {tau}"


def _one_outcome(lives: Lifetimes, horizon: int) -> str:
    churned = within(lives, horizon)
    if not churned.any():
        return f"nobody churned up to period {horizon}"
    return f"everybody churned up to period {horizon}" if churned.all() else ""


def _not_followed(held_out: HeldOut, horizon: int) -> str:
    if held_out.followed is None:
        return "the book has no dates, which would say how long each customer could be followed"
    if held_out.lives.other_exit.any():
        return "some customers left for another reason, and whether they would have churned is not known"
    if not ((held_out.followed >= horizon) & (held_out.lives.entry == 0)).any():
        return f"nobody could be followed from the first period up to period {horizon}"
    return ""


def _followed(held_out: HeldOut) -> Ints:
    return np.zeros(len(held_out.lives), dtype=np.int64) if held_out.followed is None else held_out.followed
