"""`make bench`: what one assessment and one request cost in process, on the model of the Telco sample."""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from models.assess import Assessor
from models.bundle import open_bundle
from models.contract import Scalar
from models.policy import DEFAULT
from service import logs
from tests.bench.stages import STAGES, WHOLE, stage_us
from tests.bench.start import start_cost
from tests.support.tables import Row, report
from training.fit import fit
from training.sample import write_telco

REPEATS, ROUNDS = 3000, 20
BATCH = 4096
ONE_US, SIXTEEN_EACH_US = 120.0, 18.0
"""The bars of one assessment, and of each of sixteen."""


def main() -> int:
    """Measure, print the tables; 1 when a bar is missed."""
    logs.configure("warning")  # as a service logs: a line for each request would cost more than the request
    with tempfile.TemporaryDirectory() as folder:
        book = write_telco(Path(folder))
        assessor = Assessor(open_bundle(fit(book, Path(folder) / "registry", datetime.now(UTC))), DEFAULT)
        with (Path(folder) / "telco.csv").open(encoding="utf-8", newline="") as file:
            raw = [prospect(assessor, line) for line, _ in zip(csv.DictReader(file), range(BATCH), strict=False)]
        registry = Path(folder) / "registry"
        stages = {
            f"{source}_{n}_us": stage_us(registry, raw[:1000], n, sent=source == "sent")
            for source in ("stored", "sent")
            for n in (1, 16)
        }
        started, start_met = start_cost(registry)
    x = np.stack([assessor.contract.encode(values) for values in raw])
    cost = {"encode 1": median_us(lambda: assessor.contract.encode(raw[0]))}
    for n in (1, 16, BATCH):
        some, repeats = x[:n], max(REPEATS // n, 100)
        scored = assessor.bundle.scorer(some)
        calls: dict[str, Callable[[], object]] = {
            "onnx": partial(assessor.bundle.scorer, some),
            "judge": partial(assessor.judge, some, scored),
            "assess": partial(assessor.assess, some),
        }
        cost |= {f"{name} {n}": median_us(call, repeats) / n for name, call in calls.items()}
    rows: list[Row] = [{"name": name, "us_each": us} for name, us in cost.items()]
    report("bench", f"One assessment in process (bars: {ONE_US:g} us alone, {SIXTEEN_EACH_US:g} us of 16)", rows)
    parts: list[Row] = [
        {"name": name, **{column: us[name] for column, us in stages.items()}} for name in (*STAGES, WHOLE)
    ]
    report("stages", "Stages of one request: features stored or sent, alone or of 16 at once; us each", parts)
    report("start", "The service from its start", started)
    return 0 if cost["assess 1"] <= ONE_US and cost["assess 16"] <= SIXTEEN_EACH_US and start_met else 1


def prospect(assessor: Assessor, line: dict[str, str]) -> dict[str, Scalar]:
    """The features of one line of the sample's CSV, as a CRM would send them."""
    read: dict[str, Callable[[str], Scalar]] = {"category": str, "flag": lambda text: text == "1", "number": float}
    return {feature.name: read[feature.kind](line[feature.name]) for feature in assessor.contract.features}


def median_us(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median time of a call in the quietest of ROUNDS, as others may use the machine too; one more warms up."""
    medians = []
    for _ in range(1 + ROUNDS):
        times = []
        for _ in range(repeats // ROUNDS):
            started = time.perf_counter_ns()
            call()
            times.append(time.perf_counter_ns() - started)
        medians.append(median(times))
    return min(medians[1:]) / 1000


if __name__ == "__main__":
    sys.exit(main())
