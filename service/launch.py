"""What a supervisor begins with: the listening socket, and its first workers on their way.

Worker and supervisor have much to import before either can do anything: they do it side by side. What a worker cannot
know at its start, such as where the store is, it is told on its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from service.errors import SettingsError
from service.settings import PREFIX, Settings

BIND_S = 3.0
"""Workers of a supervisor that was killed need a moment to let go of the port."""

LISTEN_BACKLOG = 2048


class Launch:
    """Starts workers. Each holds the read end of a pipe whose other end dies with this process.

    signals: those that have arrived and are to be acted on.
    """

    def __init__(self, listener: socket.socket, metrics: Path, signals: list[int]) -> None:
        self.listener = listener
        self.metrics = metrics
        self.signals = signals
        self._lifeline, self._lifeline_end = os.pipe()
        self._early: list[subprocess.Popen[bytes]] = []

    def start_early(self, workers: int) -> None:
        """Start so many workers, who wait to be told the rest."""
        self._early += [self._spawn() for _ in range(workers)]

    def worker(self, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """A worker at work, whose settings are this process's environment and `environ` over it."""
        return _told(self._early.pop() if self._early else self._spawn(), environ)

    def background(self, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """The process that does what no caller waits for, with settings as a worker's."""
        return _told(self._start("service.background", self._lifeline), environ)

    def close(self) -> None:
        """Let go of everything; who still waits to be told anything ends."""
        self.listener.close()
        for worker in self._early:
            worker.communicate()
        os.close(self._lifeline)
        os.close(self._lifeline_end)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return self._start("service.worker", self.listener.fileno(), self._lifeline)

    def _start(self, module: str, *descriptors: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *map(str, descriptors)]
        environ = os.environ | {
            f"{PREFIX}METRICS_DIR": str(self.metrics),
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),  # read when prometheus_client is imported
        }
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # inherited: it waits until the worker can take it
        try:
            return subprocess.Popen(command, env=environ, pass_fds=descriptors, stdin=subprocess.PIPE)  # noqa: S603
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def _told(worker: subprocess.Popen[bytes], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The worker, once it has been told the rest of its settings."""
    with contextlib.suppress(BrokenPipeError), worker.stdin or contextlib.nullcontext() as told:
        if told is not None:
            told.write(json.dumps(dict(environ)).encode())
    return worker


@contextlib.contextmanager
def launched(settings: Settings) -> Iterator[Launch]:
    """The beginnings of a supervisor with these settings.

    Raises:
        SettingsError: the address cannot be bound.
    """
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: signals.append(received))
    metrics = Path(tempfile.mkdtemp(prefix="gatekeeper-metrics-"))
    try:
        with contextlib.closing(Launch(_listen(settings.host, settings.port), metrics, signals)) as launch:
            launch.start_early(settings.workers)
            yield launch
    finally:
        shutil.rmtree(metrics, ignore_errors=True)


def _listen(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + BIND_S
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(LISTEN_BACKLOG)
        except OSError as error:
            listener.close()
            if time.monotonic() > deadline:
                raise SettingsError(f"GATEKEEPER_HOST, GATEKEEPER_PORT: {host}:{port}: {error.strerror}") from error
            time.sleep(0.05)
        else:
            return listener
