"""The model against the truth of simulated books, fitted on 20,000 customers each and measured on 20,000 others."""

from __future__ import annotations

import sys

import numpy as np

from tests.support.simulated import BARS, against_truth
from tests.support.tables import Row, report
from training.progress import bar
from training.simulate import simulate

SEEDS = range(5)
CUSTOMERS = 20_000
OTHERS = 1000
"""What is added to a seed for the customers that the model has not seen."""


def main() -> int:
    """Measure, print the table; 1 when the mean of the seeds misses a bar."""
    measured = []
    with bar("simulating and fitting") as progress:
        for seed in SEEDS:
            measured.append(against_truth(simulate(CUSTOMERS, seed), simulate(CUSTOMERS, OTHERS + seed)))
            progress(len(measured) / len(SEEDS))
    mean = {name: float(np.mean([row[name] for row in measured])) for name in measured[0]}
    rows: list[Row] = [{"name": f"seed {seed}", **row} for seed, row in zip(SEEDS, measured, strict=True)]
    rows += [{"name": "mean", **mean}, {"name": "bar", **{name: BARS.get(name, "") for name in mean}}]
    report("simulated", f"Simulated books of {CUSTOMERS:,} customers, against their truth", rows)
    met = (
        mean["c_share_of_oracle"] >= BARS["c_share_of_oracle"]
        and mean["risk_off"] <= BARS["risk_off"]
        and mean["loss_avoided_share"] >= BARS["loss_avoided_share"]
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
