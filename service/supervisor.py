"""The supervisor: owns the embedded store, keeps the workers running, and stops all in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import structlog
from prometheus_client.multiprocess import mark_process_dead

from service.launch import Launch
from service.settings import PREFIX, Settings
from service.store_server import StoreServer, id_secret_in

log = structlog.get_logger()

RESTART_S = (0.1, 5.0)
"""A worker that dies is started again after the first, doubling up to the second while they go on dying."""

LOOK_S = 0.2
"""Between looks at the workers: each costs the core that they work on."""

STABLE_S = 10.0
"""A worker that lived so long did not die of how it was started."""

BACKGROUND_AFTER_S = 1.5
"""By then the first worker answers: what nobody waits for does not take its core while it starts."""

KILL_AFTER_S = 5.0
"""Beyond the drain time, for closing resources; then a worker is killed."""


def supervise(settings: Settings, launch: Launch, *, background: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; the exit code: 0, or 1 when the workers cannot start.

    With `background`, one more process does what no caller waits for.

    Raises:
        StoreServerError: the embedded store cannot be had.
    """
    with contextlib.ExitStack() as stack:
        redis_url, id_secret = settings.redis_url, settings.id_secret
        if redis_url is None:
            redis_url = stack.enter_context(StoreServer(settings.data)).url
            id_secret = id_secret or id_secret_in(settings.data)
        told = {
            f"{PREFIX}REDIS_URL": redis_url,
            f"{PREFIX}ID_SECRET": id_secret or "",
            f"{PREFIX}DEV_KEY": "1" if settings.dev_key else "0",
        }
        workers = Workers(settings, launch, told, background=background)
        stack.callback(workers.stop)
        host, port = launch.listener.getsockname()[:2]
        log.info("serving", url=f"http://{host}:{port}", workers=settings.workers, pid=os.getpid())
        return workers.run()


class Workers:
    """The worker processes, and with `background` one beside them."""

    def __init__(self, settings: Settings, launch: Launch, told: dict[str, str], *, background: bool = False) -> None:
        self._settings = settings
        self._launch = launch
        self._told = told
        self._background = background
        self._running: list[subprocess.Popen[bytes]] = []
        self._beside: subprocess.Popen[bytes] | None = None
        self._beside_due = time.monotonic() + BACKGROUND_AFTER_S
        self._started_at = self._due = 0.0
        self._pause_s = RESTART_S[0]

    def run(self) -> int:
        """Keep all workers running until a signal to stop arrives; the exit code."""
        while True:
            while self._launch.signals:
                number = self._launch.signals.pop(0)
                if number != signal.SIGHUP:
                    return 0
                self._signal(signal.SIGHUP)
            for worker in [gone for gone in self._running if gone.poll() is not None]:
                self._running.remove(worker)
                mark_process_dead(worker.pid, str(self._launch.metrics))  # type: ignore[no-untyped-call]
                log.error("worker.died", pid=worker.pid, exit_code=worker.returncode)
                if worker.returncode == _STARTUP_FAILURE:
                    return 1
                self._due = time.monotonic() + self._pause()
            while len(self._running) < self._settings.workers and time.monotonic() >= self._due:
                self._running.append(self._launch.worker(self._told))
                self._started_at = time.monotonic()
            if self._background:
                self._keep_background()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Close the door, let requests in flight finish, then see every worker gone."""
        self._launch.listener.close()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.drain_s + KILL_AFTER_S
        for worker in self._all():
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("worker.killed", pid=worker.pid)  # noqa: TRY400
                worker.kill()
                worker.wait()

    def _keep_background(self) -> None:
        gone = self._beside
        if gone is not None and gone.poll() is not None:
            mark_process_dead(gone.pid, str(self._launch.metrics))  # type: ignore[no-untyped-call]
            log.error("background.died", pid=gone.pid, exit_code=gone.returncode)
            self._beside, self._beside_due = None, time.monotonic() + BACKGROUND_AFTER_S
        if self._beside is None and time.monotonic() >= self._beside_due:
            self._beside = self._launch.background(self._told)

    def _pause(self) -> float:
        """Seconds to wait: longer each time, so that a worker that cannot live does not eat a core."""
        least, most = RESTART_S
        self._pause_s = least if time.monotonic() - self._started_at > STABLE_S else min(most, self._pause_s * 2)
        return self._pause_s

    def _signal(self, number: int) -> None:
        for worker in self._all():
            if worker.poll() is None:
                worker.send_signal(number)

    def _all(self) -> list[subprocess.Popen[bytes]]:
        return self._running if self._beside is None else [*self._running, self._beside]


_STARTUP_FAILURE = 3
"""uvicorn's exit code when an application's lifespan fails."""
