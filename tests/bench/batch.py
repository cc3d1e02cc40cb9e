"""`make bench-batch`: how fast `training score` scores a file on one core, beside the prototype's graph on its rows.

The command runs as people run it, on a file of one row and then on the whole file; the first tells what the start
takes. The graph gets rows that are read, cleaned and encoded already, before and after, and writes nothing. Seconds are
those of the core, which others may want as well.

The bar is for Parquet, the format for files of this size; from CSV most of what is added is the parsing of texts, which
says nothing about scoring. Either has to stay in its memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median

import numpy as np
import polars as pl

from models.bundle import Bundle, open_bundle
from tests.bench.prototype import prototype_rate
from tests.support.tables import Row, report
from training.exporting.onnx_reader import read_estimator
from training.fit import fit
from training.reading.encode import encode
from training.sample import write_telco

ROWS = 1_000_000

GRAPHED = 100_000
"""Rows that the prototype's graph scores; more would take longer and give the same rate."""

STARTS = 3

MB = 2048.0
"""Resident memory at the peak, at most."""

POLL_S = 0.02


def main() -> int:
    """Measure, print the table; 1 when Parquet is scored slower than by the prototype's graph, or memory grows."""
    parser = argparse.ArgumentParser(description="Scores a file of distinct rows on one core.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the file, {ROWS:,} by default")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bundle = open_bundle(fit(write_telco(folder), folder / "registry", datetime.now(UTC)))
        leads = distinct(bundle, pl.read_csv(folder / "telco.csv"), rows)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        table = [compare(bundle, leads, folder / "leads.parquet"), compare(bundle, leads, folder / "leads.csv")]
    report("bench-batch", f"Scoring {rows:,} distinct rows on one core (bars: Parquet ratio 1, {MB:,.0f} MB)", table)
    parquet, _ = table
    return 0 if float(parquet["ratio"]) >= 1 and all(float(row["peak_mb"]) <= MB for row in table) else 1


def distinct(bundle: Bundle, sample: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Leads whose features are drawn from the sample one by one; no two are charged the same."""
    rng = np.random.default_rng(0)
    drawn = [sample[f.name].gather(rng.integers(0, len(sample), rows)) for f in bundle.contract.features]
    charged = sample["monthly_charges"].to_numpy()
    charges = pl.Series("monthly_charges", np.linspace(charged.min(), charged.max(), rows)[rng.permutation(rows)])
    ids = pl.select(pl.format("lead-{}", pl.int_range(rows)).alias("customer_id")).to_series()
    return pl.DataFrame([ids, *drawn]).with_columns(charges)


def compare(bundle: Bundle, leads: pl.DataFrame, path: Path) -> Row:
    """The figures of the command on `leads` in a file at `path`."""
    one = path.with_stem("one")
    for frame, file in ((leads.head(1), one), (leads, path)):
        frame.write_parquet(file) if path.suffix == ".parquet" else frame.write_csv(file)
    flags = [feature.name for feature in bundle.contract.features if feature.kind == "flag"]
    x = encode(bundle.contract, leads.head(GRAPHED).with_columns(pl.col(flags).cast(pl.Boolean)))
    tables = read_estimator(bundle).tables_
    before = prototype_rate(tables, x)
    start_s = median(measure(bundle, one)[0] for _ in range(STARTS))
    seconds, peak_mb = measure(bundle, path)
    graph = mean((before, prototype_rate(tables, x)))
    rate = (len(leads) - 1) / (seconds - start_s)
    return {
        "name": path.suffix[1:],
        "start_s": start_s,
        "rows_per_s": rate,
        "prototype_rows_per_s": graph,
        "ratio": rate / graph,
        "peak_mb": peak_mb,
    }


def measure(bundle: Bundle, data: Path) -> tuple[float, float]:
    """Seconds of the core that the command takes, and its peak of resident memory in MB."""
    out = data.with_stem(f"{data.stem}-scored")
    command = [sys.executable, "-m", "training", "score", str(bundle.folder), str(data), "--out", str(out)]
    process = subprocess.Popen(command)
    peak_kb = pid = status = 0
    while not pid:
        peak_kb = max(peak_kb, resident_peak_kb(process.pid))
        time.sleep(POLL_S)
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return used.ru_utime + used.ru_stime, peak_kb / 1024


def resident_peak_kb(pid: int) -> int:
    """The peak so far; what rusage tells counts the memory of the process that forked this one, too."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    sys.exit(main())
