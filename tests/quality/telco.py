"""`make quality`: how good the model is on the Telco sample, by a protocol that is frozen.

Customers of tenure 0 are left out and tenure counts periods begun. No protected column is used, nor `total_charges`,
which accumulates with tenure. StratifiedKFold(5, shuffle) on churn, for split seeds 0 to 4; every test customer is
kept, those with tenure 72, which no training customer exceeds, are censored at 71. All that is chosen from data,
settings and categories included, is chosen inside the training fold. The metrics are scikit-survival's: C-index
with censoring weighted out (Uno et al. 2011) up to period 60, AUC at 12, integrated Brier score on periods 3 to 48.

Calibration is that of `training.evaluation.evaluate`, of all customers of a split seed together.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sksurv.metrics import concordance_index_ipcw, cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv

from tests.support.tables import Row, report
from training.evaluation.contest import OURS, Heat, play
from training.evaluation.evaluate import evaluate
from training.evaluation.holdout import HeldOut
from training.evaluation.peers import Task
from training.model.hazard import AdditiveHazardClassifier
from training.progress import bar, share
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import Floats, lifetimes, structured
from training.sample import write_telco

SEEDS = range(5)
FOLDS = 5
PERIODS, LAST, TAU, HORIZON = 72, 71, 60, 12
BRIER_PERIODS = np.array([3, 6, 12, 24, 36, 48])

BARS = {"c_index_ipcw": 0.853, "auc_at_12": 0.895, "integrated_brier": 0.092}
"""At least, at least, at most."""

DECILES_HOLD, EXPECTED_OVER_OBSERVED = 9, (0.95, 1.05)
"""At least, and between, also per contract type; mean over the split seeds."""


def main() -> int:
    """Run the protocol, print the tables; 1 when a bar is missed."""
    book, frame = telco()
    folds: list[list[list[float]]] = []
    calibrations: list[Row] = []
    with bar("cross-validating") as progress:
        for seed in SEEDS:
            parts = split(frame, book, seed)
            heats = [fold(book, frame, train, test) for train, test in parts]
            curves = play(heats, (), share(progress, seed, len(SEEDS))).survival[OURS]
            folds.append([metrics(heat, curve) for heat, curve in zip(heats, curves, strict=True)])
            rows = np.concatenate([test for _, test in parts])
            calibrations.append(calibration(f"split seed {seed}", book, frame, rows, np.concatenate(curves)))
    rows_of = [row(f"split seed {seed}", np.mean(found, axis=0)) for seed, found in zip(SEEDS, folds, strict=True)]
    mean = np.mean(folds, axis=(0, 1))
    report(
        "quality",
        f"Telco, {FOLDS}-fold, {len(SEEDS)} split seeds",
        [*rows_of, row("additive-hazard", mean), {"name": "bar", **BARS}],
    )
    figures = {key: float(np.mean([line[key] for line in calibrations])) for key in calibrations[0] if key != "name"}
    ratios = {key: "{} .. {}".format(*EXPECTED_OVER_OBSERVED) for key in figures}
    report(
        "calibration",
        "Telco, calibration out of fold: deciles that hold, events expected over observed",
        [*calibrations, {"name": "mean", **figures}, {"name": "bar", **ratios, "deciles_hold": DECILES_HOLD}],
    )
    c_index, auc, brier = BARS.values()
    low, high = EXPECTED_OVER_OBSERVED
    calibrated = figures.pop("deciles_hold") >= DECILES_HOLD and all(low <= ratio <= high for ratio in figures.values())
    return 0 if mean[0] >= c_index and mean[1] >= auc and mean[2] <= brier and calibrated else 1


def telco() -> tuple[Book, pl.DataFrame]:
    """The book, and its clean customers."""
    with tempfile.TemporaryDirectory() as folder:
        book = read_book(write_telco(Path(folder)))
        return book, ingest(book).frame


def split(frame: pl.DataFrame, book: Book, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows that are learned from and rows that are judged, per fold."""
    event = lifetimes(book, frame).event
    return list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(event, event))


def fold(book: Book, frame: pl.DataFrame, train: NDArray[np.int64], test: NDArray[np.int64]) -> Heat:
    """What a model learns from and judges in one fold."""
    contract, lives = build_contract(book.features, frame[train]), lifetimes(book, frame)
    estimator = AdditiveHazardClassifier(
        horizon=HORIZON,
        periods=PERIODS,
        categorical=tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category"),
    )
    task = Task(encode(contract, frame[train]), lives.take(train), np.ones(len(train)), estimator)
    return Heat(task, encode(contract, frame[test]), lives.take(test), np.ones(len(test)))


def calibration(name: str, book: Book, frame: pl.DataFrame, rows: NDArray[np.int64], survival: Floats) -> Row:
    """One line of the table of calibration, of all customers of a split seed."""
    held_out = HeldOut(
        rows=rows,
        survival=survival,
        lives=lifetimes(book, frame).take(rows),
        weight=np.ones(len(rows)),
        followed=None,
        cohort=np.zeros(len(rows), dtype=np.int64),
        cohorts=(),
        split="customer",
    )
    found = evaluate(held_out, HORIZON, name, [frame["contract"]])
    ratios = {group.value: group.expected_events / group.observed_events for group in found.groups}
    everybody = found.overall.expected_events / found.overall.observed_events
    return {"name": name, "deciles_hold": found.deciles_hold, "all": everybody, **ratios}


def metrics(heat: Heat, survival: Floats) -> list[float]:
    """C-index, AUC and integrated Brier score of the survival curves [n, PERIODS] of the test customers."""
    train, test = structured(heat.task.lives), structured(heat.lives)
    known = Surv.from_arrays(train["event"], train["time"])
    cut = test["time"] > LAST
    asked = Surv.from_arrays(test["event"] & ~cut, np.minimum(test["time"], LAST))
    risk, curves = 1 - survival[:, HORIZON - 1], survival[:, BRIER_PERIODS - 1]
    return [
        concordance_index_ipcw(known, asked, risk, tau=TAU)[0],
        cumulative_dynamic_auc(known, asked, risk, [HORIZON])[0][0],
        integrated_brier_score(known, asked, curves, BRIER_PERIODS) if np.isfinite(curves).all() else np.nan,
    ]


def row(name: str, figures: NDArray[np.float64]) -> Row:
    """One line of the table."""
    return {"name": name, **{metric: float(figure) for metric, figure in zip(BARS, figures, strict=True)}}


if __name__ == "__main__":
    sys.exit(main())
