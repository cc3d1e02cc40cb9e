"""How well a model's survival curves match the lifetimes of labelled customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sksurv.metrics import concordance_index_ipcw, cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv

from models.bundle import Bundle
from models.contract import Vector
from training.book import read_book, refuse_future
from training.calibration import Decile, Gain, GroupCalibration
from training.encode import encode
from training.errors import DataError
from training.holdout import Split
from training.ingest import ingest
from training.lifetimes import Bools, Floats, Ints, Lifetimes, at_risk, kaplan_meier, last_supported, lifetimes
from training.progress import bar

CHUNK_ROWS = 8192

RANKED = 20_000
"""Customers that rank metrics look at, chosen at random: they compare pairs, and more would change the third digit."""

BRIER_TIMES = 24

Survival = Callable[[Vector], NDArray[np.floating]]
"""Encoded customers [n, F] to S(t | x) [n, T]."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a model on labelled customers; None where one is not defined, and `undefined` says why.

    on: which customers. customers, events: those at risk in some period, and how many of them churned. ranked: how
    many the three metrics below rest on. c_index_ipcw: concordance, censoring weighted out (Uno et al. 2011), up to
    period `tau`. auc_at_horizon: cumulative dynamic AUC (Hung and Chiang 2010). integrated_brier: Graf et al. 1999,
    from the first period in which anybody was lost to min(tau, T). expected_events, observed_events: within T periods,
    summed over the periods at risk. mean_risk, kaplan_meier_churn: both within the horizon. All shares are 0..1; other
    exits than churn censor.
    """

    on: str
    customers: int
    events: int
    ranked: int
    horizon: int
    tau: int
    c_index_ipcw: float | None = None
    auc_at_horizon: float | None = None
    integrated_brier: float | None = None
    expected_events: float
    observed_events: int
    mean_risk: float
    kaplan_meier_churn: float | None
    undefined: dict[str, str]


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


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """How well a model predicts customers that it has not seen.

    on: which customers, in words. split, note: see HeldOut. horizon: H, in periods. overall: all customers. cohorts: a
    row each. calibration: by deciles of predicted risk. deciles_hold: how many of them hold. gains: per percentile,
    riskiest first. groups: expected over observed per value of some columns.
    """

    on: str
    split: Split
    note: str
    horizon: int
    overall: CohortMetrics
    cohorts: tuple[CohortMetrics, ...]
    calibration: tuple[Decile, ...]
    deciles_hold: int
    gains: tuple[Gain, ...]
    groups: tuple[GroupCalibration, ...]


def evaluate(
    survival: Survival,
    x: Vector,
    lives: Lifetimes,
    horizon: int,
    on: str,
    progress: Callable[[float], None] = lambda _: None,
) -> Metrics:
    """Compare predicted survival with what happened.

    Args:
        survival: the model.
        x: encoded customers [n, F].
        lives: what happened to them.
        horizon: H, in periods.
        on: a name for these customers.
        progress: told the share of the customers that are scored.
    """
    seen = lives.observed
    x, lives = x[seen], Lifetimes(lives.entry[seen], lives.exit[seen], lives.event[seen], lives.other_exit[seen])
    chosen = np.sort(np.random.default_rng(0).permutation(len(lives))[:RANKED])
    risk, expected, curves = np.empty(len(lives)), 0.0, []
    for start in range(0, len(lives), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        curve = survival(x[part]).astype(np.float64)
        risk[part] = 1.0 - curve[:, horizon - 1]
        expected += _expected(curve, lives.entry[part], lives.exit[part])
        curves.append(curve[chosen[(chosen >= start) & (chosen < start + CHUNK_ROWS)] - start])
        progress(min(start + CHUNK_ROWS, len(lives)) / len(lives))
    curve = np.concatenate(curves)
    ranked = Lifetimes(lives.entry[chosen], lives.exit[chosen], lives.event[chosen], lives.other_exit[chosen])
    exposed = at_risk(ranked, int(ranked.exit.max()))
    tau = min(last_supported(exposed), len(exposed) - 1)
    ranks, undefined = _ranks(curve, risk[chosen], ranked, horizon, tau)
    churn = float(1.0 - kaplan_meier(lives, horizon)[-1])
    if np.isnan(churn):
        undefined["kaplan_meier_churn"] = f"nobody was at risk up to period {horizon}"
    return Metrics(
        on=on,
        customers=len(lives),
        events=int(lives.event.sum()),
        ranked=len(chosen),
        horizon=horizon,
        tau=tau,
        expected_events=round(expected, 3),
        observed_events=int((lives.event & (lives.exit <= curve.shape[1])).sum()),
        mean_risk=round(float(risk.mean()), 6),
        kaplan_meier_churn=None if np.isnan(churn) else round(churn, 6),
        undefined=undefined,
        **ranks,
    )


def evaluate_bundle(bundle: Bundle, path: Path, now: datetime) -> Metrics:
    """How well a bundle predicts the customers of the labelled book at `path`.

    Raises:
        TrainingError: the book or its data cannot be used, or counts time in another unit than the bundle.
    """
    manifest = bundle.manifest
    book = read_book(path)
    refuse_future(book, now)
    if book.source.period != manifest.period:
        raise DataError(
            f"{path}: counts in {book.source.period}s, the bundle in {manifest.period}s; use a matching book"
        )
    with bar("reading") as progress:
        people = ingest(book, bundle, progress=progress)
    with bar("evaluating") as progress:
        return evaluate(
            lambda x: bundle.scorer(x)[0],
            encode(manifest.contract, people.frame),
            lifetimes(book, people.frame),
            manifest.horizons[0],
            book.source.data,
            progress,
        )


def _expected(curve: Floats, entry: Ints, last: Ints) -> float:
    """Sum of the hazards over the periods that each customer was at risk in."""
    before = np.column_stack([np.ones(len(curve)), curve[:, :-1]])
    hazard = 1.0 - np.divide(curve, before, out=np.zeros_like(curve), where=before > 0)
    period = np.arange(1, curve.shape[1] + 1)
    return float(hazard[(period > entry[:, None]) & (period <= last[:, None])].sum())


def _ranks(
    curve: Floats, risk: Floats, lives: Lifetimes, horizon: int, tau: int
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics that weigh by the chance of being censored, as far as defined, and why the others are not."""
    names = ("c_index_ipcw", "auc_at_horizon", "integrated_brier")
    event, last = lives.event, lives.exit
    if (lives.entry > 0).any():
        return {}, dict.fromkeys(names, "some customers came under observation late, which weights ignore")
    ranks: dict[str, float] = {}
    undefined: dict[str, str] = {}
    auc = _known_auc(risk, event, last, horizon)
    if auc is not None:
        ranks["auc_at_horizon"] = auc
    # Cut after tau, where too few are left to weigh the others by; somebody is left, so that no weight is infinite.
    y = Surv.from_arrays(event & (last <= tau), np.minimum(last, tau + 1))
    if not y["event"].any():
        short = f"nobody churned up to period {tau}, the last with enough customers at risk"
        undefined = {name: short for name in names if name not in ranks}
        return _rounded(ranks), undefined
    ranks["c_index_ipcw"] = concordance_index_ipcw(y, y, risk, tau=tau + 1)[0]
    if auc is None and horizon > tau:
        undefined["auc_at_horizon"] = f"too few customers were at risk after period {tau}"
    elif auc is None and not (event & (last <= horizon)).any():
        undefined["auc_at_horizon"] = f"nobody churned up to period {horizon}"
    elif auc is None:
        ranks["auc_at_horizon"] = cumulative_dynamic_auc(y, y, risk, [horizon])[0][0]
    begin, end = int(last.min()), min(tau, curve.shape[1])
    if begin >= end:
        undefined["integrated_brier"] = (
            f"there are no two periods from {begin}, the first in which anybody was lost, to {end}"
        )
    else:
        times = np.unique(np.linspace(begin, end, BRIER_TIMES).astype(int))
        ranks["integrated_brier"] = integrated_brier_score(y, y, curve[:, times - 1], times)
    return _rounded(ranks), undefined


def _known_auc(risk: Floats, event: Bools, last: Ints, horizon: int) -> float | None:
    """The plain AUC, where everybody's outcome at the horizon is known and both outcomes are there."""
    churned = event & (last <= horizon)
    if (~churned & (last < horizon)).any() or churned.all() or not churned.any():
        return None
    return float(roc_auc_score(churned, risk))


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    """Six digits: what differs beyond them differs by the order of summation."""
    return {name: round(float(figure), 6) for name, figure in figures.items()}
