"""`make bench-train`: what a fit costs, as the command that people run, in seconds and in memory at its peak."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.tables import Row, report
from training.progress import bar
from training.sample import write_telco
from training.simulate import simulate, write_simulated

LARGE = 1_000_000
"""Simulated customers of the large book."""

GB = 8.0
"""Memory at the peak, at most."""


def main(arguments: list[str]) -> int:
    """Measure, print the table; 1 when a bar is missed. An argument is another number of customers than LARGE."""
    large = int(arguments[0]) if arguments else LARGE
    with tempfile.TemporaryDirectory() as folder:
        telco = write_telco(Path(folder) / "telco")
        with bar("simulating") as progress:
            saas = write_simulated(Path(folder) / "saas", simulate(large, 0, progress=progress), parquet=True)
        runs = [("telco", telco, 0, 30.0), ("telco", telco, 20, 90.0), (f"simulated {large:,}", saas, 0, 480.0)]
        rows: list[Row] = []
        with bar("fitting") as progress:
            for book, path, replicates, seconds in runs:
                took, peak = measure(path, Path(folder) / "registry", replicates)
                name = f"{book}, {replicates} replicates"
                rows.append({"name": name, "seconds": took, "bar_seconds": seconds, "peak_gb": peak, "bar_gb": GB})
                progress(len(rows) / len(runs))
    report("bench-train", "Fits from book to bundle, selection, evaluation and report included", rows)
    met = all(float(row["seconds"]) <= float(row["bar_seconds"]) and float(row["peak_gb"]) <= GB for row in rows)
    return 0 if met else 1


def measure(book: Path, registry: Path, replicates: int) -> tuple[float, float]:
    """Seconds that a fit takes, and its peak of resident memory in GB."""
    command = [
        sys.executable,
        "-m",
        "training",
        "fit",
        str(book),
        "--out",
        str(registry),
        "--replicates",
        str(replicates),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - started, used.ru_maxrss / 1024**2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
