"""`make bench`: what one assessment costs in process, on the model of the Telco sample. Medians, in microseconds."""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np

from models.assess import Assessor
from models.bundle import open_bundle
from models.contract import Scalar
from models.policy import DEFAULT
from tests.support.tables import Row, report
from training.fit import fit
from training.sample import write_telco

REPEATS = 3000
ONE_US, SIXTEEN_EACH_US = 150.0, 25.0
"""The bars of one assessment, and of each of sixteen."""


def main() -> int:
    """Measure, print the table; 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        book = write_telco(Path(folder))
        assessor = Assessor(open_bundle(fit(book, Path(folder) / "registry", datetime.now(UTC))), DEFAULT)
        with (Path(folder) / "telco.csv").open(encoding="utf-8", newline="") as file:
            raw = [prospect(assessor, line) for line, _ in zip(csv.DictReader(file), range(1000), strict=False)]
    x = np.stack([assessor.contract.encode(values) for values in raw])
    one = median_us(lambda: assessor.assess(x[:1]))
    sixteen = median_us(lambda: assessor.assess(x[:16])) / 16
    rows: list[Row] = [
        {"name": "encode 1", "us_each": median_us(lambda: assessor.contract.encode(raw[0]))},
        {"name": "onnx 1", "us_each": median_us(lambda: assessor.bundle.scorer(x[:1]))},
        {"name": "onnx 16", "us_each": median_us(lambda: assessor.bundle.scorer(x[:16])) / 16},
        {"name": "assess 1", "us_each": one},
        {"name": "assess 16", "us_each": sixteen},
        {"name": "assess 1000", "us_each": median_us(lambda: assessor.assess(x), REPEATS // 30) / len(x)},
    ]
    report("bench", f"One assessment in process (bars: {ONE_US:g} us alone, {SIXTEEN_EACH_US:g} us of 16)", rows)
    return 0 if one <= ONE_US and sixteen <= SIXTEEN_EACH_US else 1


def prospect(assessor: Assessor, line: dict[str, str]) -> dict[str, Scalar]:
    """The features of one line of the sample's CSV, as a CRM would send them."""
    read: dict[str, Callable[[str], Scalar]] = {"category": str, "flag": lambda text: text == "1", "number": float}
    return {feature.name: read[feature.kind](line[feature.name]) for feature in assessor.contract.features}


def median_us(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median time of a call, after a tenth of the repeats to warm up."""
    times = []
    for _ in range(repeats + repeats // 10):
        started = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - started)
    return median(times[repeats // 10 :]) / 1000


if __name__ == "__main__":
    sys.exit(main())
