"""Processes of a load run: started on cores of their own, watched through Linux' /proc, ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import httpx

from loadtest.errors import LoadtestError

READY_WITHIN_S = 60.0
"""Peers load whole libraries; ours is ready in about two seconds."""

STOPPED_WITHIN_S = 30.0
"""Ours gives requests in flight 10 s, and then its store time to write everything down."""

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Cores = Sequence[int]


def two_cores() -> tuple[int, int]:
    """A core for what is measured, and one for what measures it.

    Raises:
        LoadtestError: this process may use one core only, which they would have to share.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise LoadtestError("a load run needs two cores: one for the server, one for the load")
    return cores[0], cores[1]


@contextlib.contextmanager
def started(
    command: Sequence[str], log: Path, cores: Cores, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running command that writes to `log` and keeps, with all that it starts, to `cores`; ended by SIGTERM."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=env, cwd=cwd, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
    try:
        os.sched_setaffinity(process.pid, cores)
        yield process
    finally:
        there = family(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN_S)
        for pid in there:  # those that did not go
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when a GET of `url` answers 200.

    Raises:
        LoadtestError: the process ends first, or takes too long; with the end of its log.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise LoadtestError(f"{url}: not ready; {log} ends with:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def end_with_us() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that what it has started is ended too."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def family(pid: int) -> list[int]:
    """A process and all that descend from it, itself first."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile
            children.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time, user and system, that running processes have used so far."""
    return sum(sum(map(int, _stat(pid)[11:13])) for pid in pids) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Resident memory of a running process, in 10^6 bytes."""
    pages = int((PROC / str(pid) / "statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def command_of(pid: int) -> str:
    """The command line of a running process."""
    return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold anything: [0] is the state, [1] the parent."""
    return (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
