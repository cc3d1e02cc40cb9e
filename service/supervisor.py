"""The supervisor: owns listening socket and embedded store, keeps the workers running, and stops all in order."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from service.errors import SettingsError
from service.settings import PREFIX, Settings
from service.store_server import StoreServer, id_secret_in

log = structlog.get_logger()

BIND_S = 3.0
"""Workers of a supervisor that was killed need a moment to let go of the port."""

RESTART_S = (0.1, 5.0)
"""A worker that dies is started again after the first, doubling up to the second while they go on dying."""

LOOK_S = 0.2
"""Between looks at the workers: each costs the core that they work on."""

STABLE_S = 10.0
"""A worker that lived so long did not die of how it was started."""

KILL_AFTER_S = 5.0
"""Beyond the drain time, for closing resources; then a worker is killed."""

_BACKLOG = 2048


def supervise(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code: 0, or 1 when the workers cannot start.

    Raises:
        SettingsError: the address cannot be bound.
        StoreServerError: the embedded store cannot be had.
    """
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: signals.append(received))
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(settings.host, settings.port))
        metrics = stack.enter_context(_folder())
        redis_url, id_secret = settings.redis_url, settings.id_secret
        if redis_url is None:
            redis_url = stack.enter_context(StoreServer(settings.data)).url
            id_secret = id_secret or id_secret_in(settings.data)
        environ = {
            **os.environ,
            f"{PREFIX}REDIS_URL": redis_url,
            f"{PREFIX}ID_SECRET": id_secret or "",
            f"{PREFIX}DEV_KEY": "1" if settings.dev_key else "0",
            f"{PREFIX}METRICS_DIR": str(metrics),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }
        workers = Workers(settings, listener, environ, metrics)
        stack.callback(workers.stop)
        host, port = listener.getsockname()[:2]
        log.info("serving", url=f"http://{host}:{port}", workers=settings.workers, pid=os.getpid())
        return workers.run(signals)


class Workers:
    """The worker processes. Each holds the read end of a pipe whose other end dies with this process."""

    def __init__(self, settings: Settings, listener: socket.socket, environ: dict[str, str], metrics: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._environ = environ
        self._metrics = metrics
        self._lifeline, self._lifeline_end = os.pipe()
        self._running: list[subprocess.Popen[bytes]] = []
        self._started_at = self._due = 0.0
        self._pause_s = RESTART_S[0]

    def run(self, signals: list[int]) -> int:
        """Keep all workers running until a signal to stop arrives in `signals`; the exit code."""
        while True:
            while signals:
                number = signals.pop(0)
                if number != signal.SIGHUP:
                    return 0
                self._signal(signal.SIGHUP)
            for worker in [gone for gone in self._running if gone.poll() is not None]:
                self._running.remove(worker)
                mark_process_dead(worker.pid, str(self._metrics))  # type: ignore[no-untyped-call]
                log.error("worker.died", pid=worker.pid, exit_code=worker.returncode)
                if worker.returncode == _STARTUP_FAILURE:
                    return 1
                self._due = time.monotonic() + self._pause()
            if len(self._running) < self._settings.workers and time.monotonic() >= self._due:
                self._start()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Close the door, let requests in flight finish, then see every worker gone."""
        self._listener.close()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.drain_s + KILL_AFTER_S
        for worker in self._running:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("worker.killed", pid=worker.pid)  # noqa: TRY400
                worker.kill()
                worker.wait()
        os.close(self._lifeline)
        os.close(self._lifeline_end)

    def _start(self) -> None:
        descriptors = (self._listener.fileno(), self._lifeline)
        command = [sys.executable, "-m", "service.worker", *map(str, descriptors)]
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # inherited: it waits until the worker can take it
        try:
            worker = subprocess.Popen(command, env=self._environ, pass_fds=descriptors)  # noqa: S603
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        self._started_at = time.monotonic()
        self._running.append(worker)

    def _pause(self) -> float:
        """Seconds to wait: longer each time, so that a worker that cannot live does not eat a core."""
        least, most = RESTART_S
        self._pause_s = least if time.monotonic() - self._started_at > STABLE_S else min(most, self._pause_s * 2)
        return self._pause_s

    def _signal(self, number: int) -> None:
        for worker in self._running:
            if worker.poll() is None:
                worker.send_signal(number)


_STARTUP_FAILURE = 3
"""uvicorn's exit code when an application's lifespan fails."""


def _listen(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + BIND_S
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if time.monotonic() > deadline:
                raise SettingsError(f"GATEKEEPER_HOST, GATEKEEPER_PORT: {host}:{port}: {error.strerror}") from error
            time.sleep(0.05)
        else:
            return listener


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gatekeeper-metrics-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
