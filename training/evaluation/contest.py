"""Contest: models fitted to the same customers, measured on the same others.

Every model chooses its settings inside the part that it learns from. Metrics are means over the parts. Differences are
paired: all models are measured on the same bootstrap resamples of the customers judged, within each part. (A t test
over four or five parts, which share what they learn from, would have hardly any power, and no level to speak of.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from sklearn.base import clone

from models.contract import Vector
from training.errors import DataError
from training.evaluation.measure import Figure, brier_periods, figure, supported
from training.evaluation.metrics import Ints, Weighed, auc, brier, c_index, integrated_brier, resamples
from training.evaluation.peers import PEERS, Peer, Predict, Task
from training.model.selection import select
from training.reading.customers import CHURNERS
from training.reading.lifetimes import Floats, Lifetimes, structured

REPLICATES = 400
"""Bootstrap resamples: twice as many as for an interval alone, since a bar may stand at its end."""

OURS = "Gatekeeper"


class Heat(NamedTuple):
    """One part of a contest: what the models learn from, and the m customers that they judge.

    x: encoded, [m, F]. weight: [m].
    """

    task: Task
    x: Vector
    lives: Lifetimes
    weight: Floats


class Played(NamedTuple):
    """Of each model the survival curves of every heat's customers, [m, T], and the seconds that its fits took.

    left_out: models that could not be fitted, and why.
    """

    survival: dict[str, list[Floats]]
    seconds: dict[str, float]
    left_out: dict[str, str]


class PeerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model: its metrics, the mean over the splits, and how it differs from ours.

    fit_seconds: mean per split, settings included. mean_risk: predicted within the horizon. The figures called loss say
    by how much ours is worse, negative where it is better (for the Brier score too), with a 95 % interval by customer
    bootstrap, paired; None for ours itself, and where a metric is not defined.
    """

    name: str
    fit_seconds: float
    mean_risk: float
    c_index_ipcw: float | None
    auc_at_horizon: float | None
    brier_at_horizon: float | None
    integrated_brier: float | None
    loss_c_index_ipcw: Figure | None
    loss_auc_at_horizon: Figure | None
    loss_integrated_brier: Figure | None


def play(
    heats: Sequence[Heat], peers: Sequence[Peer] = PEERS, progress: Callable[[float], None] = lambda _: None
) -> Played:
    """Fit our model and its peers in every heat; a peer that fails once is left out.

    Raises:
        DataError: ours fails.
    """
    played = Played({}, {}, {})
    models = (Peer(OURS, ours, takes_entry=True), *peers)
    for number, model in enumerate(models):
        started, curves = time.perf_counter(), []
        for done, heat in enumerate(heats):
            found = _judge(model, heat)
            if isinstance(found, str):
                played.left_out[model.name] = found
                break
            curves.append(found)
            progress((number + (done + 1) / len(heats)) / len(models))
        if OURS in played.left_out:
            raise DataError(f"compare: {played.left_out[OURS]} in one of {len(heats)} parts; add customers")
        if model.name not in played.left_out:
            played.survival[model.name] = curves
            played.seconds[model.name] = time.perf_counter() - started
    return played


def ours(task: Task) -> Predict:
    """Our model, as `training fit` fits it."""
    y = structured(task.lives)
    selected = select(clone(task.ours), task.x, y, task.weight)
    return selected.estimator.fit(task.x, y, task.weight).predict_survival_function


def last_period(heats: Sequence[Heat]) -> int:
    """The last period that in every heat enough customers reached, of those learned from and of those judged."""
    return min(min(supported(heat.task.lives), supported(heat.lives)) for heat in heats)


def rank(heats: Sequence[Heat], played: Played, tau: int, periods: Ints | None = None) -> tuple[PeerRow, ...]:
    """The models in the order in which they played.

    Args:
        heats: at least one.
        played: what came of them.
        tau: the last period that the C-index looks at.
        periods: that the integrated Brier score looks at; `brier_periods` up to tau if None.
    """
    metrics = {name: _metrics(heats, curves, tau, periods) for name, curves in played.survival.items()}
    return tuple(
        PeerRow(
            name=name,
            fit_seconds=round(played.seconds[name] / len(heats), 3),
            mean_risk=_mean_risk(heats, played.survival[name]),
            c_index_ipcw=_value(found["c_index_ipcw"]),
            auc_at_horizon=_value(found["auc_at_horizon"]),
            brier_at_horizon=_value(found["brier_at_horizon"]),
            integrated_brier=_value(found["integrated_brier"]),
            loss_c_index_ipcw=_loss(name, "c_index_ipcw", metrics),
            loss_auc_at_horizon=_loss(name, "auc_at_horizon", metrics),
            loss_integrated_brier=_loss(name, "integrated_brier", metrics),
        )
        for name, found in metrics.items()
    )


def _judge(model: Peer, heat: Heat) -> Floats | str:
    """Curves [m, T], or why there are none."""
    task = heat.task
    if not model.takes_entry and (late := task.lives.entry > 0).any():
        task = task._replace(x=task.x[~late], lives=task.lives.take(~late), weight=task.weight[~late])
    if task.lives.event.sum() < CHURNERS:
        return f"{task.lives.event.sum()} churners to learn from, where it takes {CHURNERS}"
    try:
        return model.fit(task)(heat.x)
    except (ArithmeticError, ValueError, MemoryError) as error:  # of other people's fitting, on any data
        return f"could not be fitted ({error})"


def _metrics(heats: Sequence[Heat], curves: Sequence[Floats], tau: int, periods: Ints | None) -> dict[str, Floats]:
    """Each metric, mean over the heats, for the customers and for their resamples. Shape [1 + REPLICATES]."""
    each: dict[str, list[Floats]] = {"c_index_ipcw": [], "auc_at_horizon": [], "brier_at_horizon": []}
    each["integrated_brier"] = []
    for number, (heat, curve) in enumerate(zip(heats, curves, strict=True)):
        horizon = heat.task.ours.horizon
        at_horizon, times = (
            curve[:, horizon - 1],
            brier_periods(min(tau, curve.shape[1])) if periods is None else periods,
        )
        weights = resamples(heat.weight, REPLICATES, seed=number)
        people = Weighed.over(heat.lives, weights, max(horizon, int(heat.lives.exit.max())))
        each["c_index_ipcw"].append(c_index(1.0 - at_horizon, people, tau))
        each["auc_at_horizon"].append(auc(1.0 - at_horizon, people, horizon))
        each["brier_at_horizon"].append(brier(at_horizon, people, horizon))
        if len(times) > 1:
            each["integrated_brier"].append(integrated_brier(curve, people, times))
    nothing = np.full(1 + REPLICATES, np.nan)
    return {metric: np.mean(values, axis=0) if values else nothing for metric, values in each.items()}


def _value(values: Floats) -> float | None:
    return round(float(values[0]), 6) if np.isfinite(values[0]) else None


def _loss(name: str, metric: str, metrics: dict[str, dict[str, Floats]]) -> Figure | None:
    """By how much ours is worse than a peer."""
    if name == OURS:
        return None
    difference = metrics[name][metric] - metrics[OURS][metric]
    return figure(-difference if metric == "integrated_brier" else difference)


def _mean_risk(heats: Sequence[Heat], curves: Sequence[Floats]) -> float:
    means = [
        np.average(1.0 - curve[:, heat.task.ours.horizon - 1], weights=heat.weight)
        for heat, curve in zip(heats, curves, strict=True)
    ]
    return round(float(np.mean(means)), 6)
