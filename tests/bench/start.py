"""What a start costs: from the command to ready, the first request beside the later ones, and a worker's memory."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import httpx

from tests.support.server import Service, running
from tests.support.tables import Row

STARTS, REQUESTS = 5, 500
READY_S, FIRST_TO_P50, RESIDENT_MB = 2.0, 3.0, 150.0
"""The bars, at most."""


def start_cost(registry: Path) -> tuple[list[Row], bool]:
    """Medians over some starts of the service with its own store, and whether all bars are met."""
    seen = [_one_start(registry) for _ in range(STARTS)]
    ready_s, first_ms, p50_ms, resident_mb = (median(column) for column in zip(*seen, strict=True))
    rows: list[Row] = [
        {"name": "start to ready, s", "measured": ready_s, "at_most": READY_S},
        {"name": "first request to p50, ratio", "measured": first_ms / p50_ms, "at_most": FIRST_TO_P50},
        {"name": "resident memory of the worker, MB", "measured": resident_mb, "at_most": RESIDENT_MB},
    ]
    return rows, ready_s <= READY_S and first_ms / p50_ms <= FIRST_TO_P50 and resident_mb <= RESIDENT_MB


def _one_start(registry: Path) -> tuple[float, float, float, float]:
    """Seconds to ready, milliseconds of the first request and of the median one, megabytes of the worker."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with running(Path(folder), registry, "dev") as service:
            ready_s = time.perf_counter() - started
            times_ms = [_request_ms(service.client) for _ in range(REQUESTS)]
            return ready_s, times_ms[0], median(times_ms), _worker_mb(service)


def _request_ms(client: httpx.Client) -> float:
    started = time.perf_counter()
    client.post("/v1/score", json={"prospect_id": "L"}).raise_for_status()
    return 1000 * (time.perf_counter() - started)


def _worker_mb(service: Service) -> float:
    """Resident memory of the process that answers."""
    pid = service.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    [worker] = [each for each in children if b"service.worker" in Path(f"/proc/{each}/cmdline").read_bytes()]
    status = Path(f"/proc/{worker}/status").read_text("ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
