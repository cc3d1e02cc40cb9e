"""The service as real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import eventually


class Service:
    """A running `python -m service ...`, its log, and a client that speaks to it."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, client: httpx.Client) -> None:
        self.process = process
        self.data = folder / "data"
        self._log = folder / "service.log"
        self.client = client

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's entries of this name so far."""
        entries = []
        for line in self._log.read_text("utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                if entry.get("event") == name:
                    entries.append(entry)
        return entries

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def ready(self) -> dict[str, Any] | None:
        """What /health/ready says, when it is 200."""
        with contextlib.suppress(httpx.TransportError):
            answer = self.client.get("/health/ready")
            if answer.status_code == 200:
                body: dict[str, Any] = answer.json()
                return body
        return None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextlib.contextmanager
def running(folder: Path, registry: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Service]:
    """`python -m service` with `arguments` on a free port, ready; stopped in the end, and gone with all it started."""
    log = folder / "service.log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GATEKEEPER_", "PROMETHEUS_"))}
    environ |= {
        "GATEKEEPER_REGISTRY": str(registry),
        "GATEKEEPER_DATA": str(folder / "data"),
        "GATEKEEPER_PORT": "0",
        "GATEKEEPER_POLL_MS": "50",
        **(env or {}),
    }
    with log.open("ab") as sink:
        process = subprocess.Popen([sys.executable, "-m", "service", *arguments], env=environ, stderr=sink)
    client = httpx.Client(headers={"Authorization": "Bearer dev"}, timeout=15)
    service = Service(process, folder, client)
    try:
        serving = eventually(lambda: process.poll() is not None or service.events("serving"), 20)
        assert isinstance(serving, list), f"did not start: {service.log}"
        client.base_url = httpx.URL(serving[-1]["url"])
        eventually(service.ready, 20)
        yield service
    finally:
        client.close()
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def child(parent: int, module: str) -> int | None:
    """A child of the process `parent` that runs `module` (Linux)."""
    with contextlib.suppress(OSError):
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split():
            if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return int(pid)
    return None


def free_port() -> str:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def taken(connection: socket.socket) -> bool:
    """Whether the server has read all that was sent (Linux: nothing waits in the peer's queue)."""
    port = f"{connection.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if remote.endswith(":" + port) and state == "01":
            return queues.endswith(":00000000") and not local.endswith(":" + port)
    return False
