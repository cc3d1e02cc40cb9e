"""`make quality`: how often the top reason of a customer is the one that Shapley values by full enumeration name.

Twice, for the two meanings of an absent feature: it has no effect, as at the centre that reasons are measured from; or
it takes its values from a sample of the book. The first shows what the straight path costs, the second the centre too.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.support.shapley import fit_telco, same_top, shapley_from_centre, shapley_over_sample
from tests.support.tables import Row, report
from training.sample import write_telco

REFERENCE, ROWS, SAMPLE = 2000, 200, 200
BAR = 0.95


def main() -> int:
    """Measure, print the table; 1 when the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        model, x = fit_telco(write_telco(Path(folder)))
    tables = model.tables_
    effects, points = np.concatenate(list(tables.effects_of(x))), model.predict_points(x)
    chosen = np.random.default_rng(1).choice(len(x), REFERENCE, replace=False)
    rows, sample = chosen[:ROWS], chosen[ROWS : ROWS + SAMPLE]
    centre = shapley_from_centre(effects[chosen], effects[chosen], tables)
    over_sample = shapley_over_sample(effects[rows], effects[sample], effects, tables)
    table: list[Row] = [
        line("no effect", centre, points[chosen]),
        line("a sample's values", over_sample, points[rows]),
    ]
    report("reasons", f"Telco, reasons against Shapley values (bar: {BAR} where absent has no effect)", table)
    return 0 if float(table[0]["same_top_share"]) >= BAR else 1


def line(name: str, shapley: np.ndarray, points: np.ndarray) -> Row:
    """One row of the table."""
    return {
        "name": f"absent has {name}",
        "rows": len(points),
        "same_top_share": same_top(shapley, points),
        "mean_off_points": float(np.abs(shapley - points).mean()),
    }


if __name__ == "__main__":
    sys.exit(main())
