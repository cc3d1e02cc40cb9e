"""The ground of the comparison, on which contestants are started: all on the server's core."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec

from loadtest.processes import await_ready, free_port, started
from loadtest.stage import Features, Prepared

UVICORN = (
    *("--factory", "--host", "127.0.0.1", "--loop", "uvloop", "--http", "httptools", "--interface", "asgi3"),
    *("--lifespan", "off", "--no-access-log", "--no-server-header", "--no-proxy-headers", "--log-level", "warning"),
    *("--timeout-keep-alive", "75", "--backlog", "2048"),
)
"""As our own worker configures it."""


class Ground(NamedTuple):
    """Where contestants are started: what they serve, on which core, and where their logs and files go."""

    prepared: Prepared
    prospects: dict[str, Features]
    core: int
    folder: Path
    stack: ExitStack

    def start(self, name: str, command: Sequence[str], url: str, env: Mapping[str, str], ready: str) -> int:
        """Start a server and wait for it; its process id."""
        log = self.folder / f"{name}.log"
        environ = {**os.environ, "BUNDLE": str(self.prepared.bundle.resolve()), "PYTHONPATH": str(Path.cwd()), **env}
        process = self.stack.enter_context(started(command, log, [self.core], environ, self.folder))
        await_ready(process, url + ready, log)
        return process.pid

    def uvicorn(self, module: str, env: Mapping[str, str]) -> tuple[str, int]:
        """Start an application of loadtest.peers; its address and process id."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "uvicorn", f"loadtest.peers.{module}:create_app", *UVICORN]
        return url, self.start(module, [*command, "--port", str(port)], url, env, "/docs")

    @property
    def leads(self) -> list[bytes]:
        """Every prospect's features by themselves, as the peers take them."""
        return [msgspec.json.encode(features) for features in self.prospects.values()]
