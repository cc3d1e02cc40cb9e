"""`make quality`: how good the model is on the Telco sample, by a protocol that is frozen.

Customers of tenure 0 are left out and tenure counts periods begun. No protected column is used, nor `total_charges`,
which accumulates with tenure. StratifiedKFold(5, shuffle) on churn, for split seeds 0 to 4; every test customer is
kept, those with tenure 72, which no training customer exceeds, are censored at 71. All that is chosen from data,
settings and categories included, is chosen inside the training fold. The metrics are scikit-survival's: C-index
with censoring weighted out (Uno et al. 2011) up to period 60, AUC at 12, integrated Brier score on periods 3 to 48.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sksurv.metrics import concordance_index_ipcw, cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv

from tests.support.tables import Row, report
from training.book import read_book
from training.encode import build_contract, encode
from training.hazard import AdditiveHazardClassifier
from training.ingest import ingest
from training.lifetimes import lifetimes, structured
from training.progress import bar
from training.sample import write_telco
from training.selection import select

SEEDS = range(5)
FOLDS = 5
PERIODS, LAST, TAU, HORIZON = 72, 71, 60, 12
BRIER_PERIODS = np.array([3, 6, 12, 24, 36, 48])

BARS = {"c_index_ipcw": 0.853, "auc_at_12": 0.895, "integrated_brier": 0.092}
"""At least, at least, at most."""


def main() -> int:
    """Run the protocol, print the table; 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        book = read_book(write_telco(Path(folder)))
        frame = ingest(book).frame
    y = structured(lifetimes(book, frame))
    folds: dict[int, list[list[float]]] = {seed: [] for seed in SEEDS}
    with bar("cross-validating") as progress:
        for seed in SEEDS:
            split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
            for fold, (train, test) in enumerate(split.split(y, y["event"])):
                contract = build_contract(book.features, frame[train])
                model = AdditiveHazardClassifier(
                    horizon=HORIZON,
                    periods=PERIODS,
                    categorical=tuple(j for j, f in enumerate(contract.features) if f.kind == "category"),
                )
                x = encode(contract, frame[train])
                model = select(model, x, y[train]).estimator.fit(x, y[train])
                survival = model.predict_survival_function(encode(contract, frame[test]))
                folds[seed].append(metrics(y[train], y[test], survival))
                progress((seed * FOLDS + fold + 1) / (len(SEEDS) * FOLDS))
    rows: list[Row] = [row(f"split seed {seed}", np.mean(folds[seed], axis=0)) for seed in SEEDS]
    mean = np.mean([fold for seed in SEEDS for fold in folds[seed]], axis=0)
    rows += [row("additive-hazard", mean), {"name": "bar", **BARS}]
    report("quality", f"Telco, {FOLDS}-fold, {len(SEEDS)} split seeds", rows)
    c_index, auc, brier = BARS.values()
    return 0 if mean[0] >= c_index and mean[1] >= auc and mean[2] <= brier else 1


def metrics(train: NDArray[np.void], test: NDArray[np.void], survival: NDArray[np.float64]) -> list[float]:
    """C-index, AUC and integrated Brier score of the survival curves [n, PERIODS] of the test customers."""
    known = Surv.from_arrays(train["event"], train["time"])
    cut = test["time"] > LAST
    asked = Surv.from_arrays(test["event"] & ~cut, np.minimum(test["time"], LAST))
    risk = 1 - survival[:, HORIZON - 1]
    return [
        concordance_index_ipcw(known, asked, risk, tau=TAU)[0],
        cumulative_dynamic_auc(known, asked, risk, [HORIZON])[0][0],
        integrated_brier_score(known, asked, survival[:, BRIER_PERIODS - 1], BRIER_PERIODS),
    ]


def row(name: str, figures: NDArray[np.float64]) -> Row:
    """One line of the table."""
    return {"name": name, **{metric: float(figure) for metric, figure in zip(BARS, figures, strict=True)}}


if __name__ == "__main__":
    sys.exit(main())
