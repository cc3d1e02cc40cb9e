"""One round of wrk, Debian's load generator: so cheap that the server's core is the bottleneck, not its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from loadtest.errors import LoadtestError

SCRIPT = Path(__file__).with_name("bodies.lua")

TIMEOUT_S = 30
"""An answer that takes longer has failed; the slowest peer keeps sixteen connections waiting for a second or two."""


class Round(msgspec.Struct, frozen=True):
    """What came of one round. The percentiles are of the times that answers took."""

    requests: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float


def check_installed() -> None:
    """See that there is a wrk.

    Raises:
        LoadtestError: there is none.
    """
    if shutil.which("wrk") is None:
        raise LoadtestError("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")


def run(url: str, bodies: Path, *, connections: int, seconds: int, headers: Mapping[str, str]) -> Round:
    """Post the lines of `bodies` to `url` in turn, on so many connections, on the cores of the calling process.

    Raises:
        LoadtestError: wrk fails, or an answer does: a connection, a time-out, a status above 399.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{TIMEOUT_S}s", "-s", str(SCRIPT)]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url, "--", str(bodies)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadtestError(f"wrk {url}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    finished = msgspec.json.decode(done.stdout.splitlines()[-1], type=Round)
    if finished.failed or not finished.requests:
        raise LoadtestError(f"{url}: {finished.failed} of {finished.requests} answers failed\n{done.stdout}")
    return finished
