"""One worker: an HTTP server in a process of its own, which stops when it is told to and when its supervisor is gone.

Started by the supervisor as `python -m service.worker SOCKET_FD LIFELINE_FD`; settings come from the environment, and
as JSON on standard input what the supervisor knows only later.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Generator
from functools import partial
from typing import cast

import structlog
import uvicorn
from litestar import Litestar

from service import logs
from service.app import create_app
from service.errors import SettingsError
from service.heads import Heads
from service.hotpath import HotPath
from service.launch import LISTEN_BACKLOG
from service.protocol import Bounded, Limits
from service.resources import Resources
from service.settings import settings_from

log = structlog.get_logger()

GC_AFTER = 50_000
"""Objects between garbage collections: a request leaves none behind that reference counts would not free."""

KEEP_ALIVE_S = 75
"""Longer than proxies keep an idle connection (60 s), so that none sends a request into one that we are closing."""


def app_from_environment() -> Litestar:
    """The application that the environment's settings describe: the only place that reads them."""
    settings = settings_from(os.environ)
    logs.configure(settings.log_level)
    return create_app(settings)


class Server(uvicorn.Server):
    """uvicorn, with signals handled on the event loop.

    uvicorn raises a captured signal again once it has shut down, which turns a graceful stop into death by signal.
    """

    def __init__(self, config: uvicorn.Config, resources: Resources, lifeline: int) -> None:
        super().__init__(config)
        self._resources = resources
        self._lifeline = lifeline

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Drain on SIGTERM, SIGINT and when the supervisor's end of the lifeline closes; read keys again on SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        loop.add_signal_handler(signal.SIGHUP, self._reread)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # blocked by the supervisor until now
        loop.add_reader(self._lifeline, self._drain)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and leave what is there by then out of every garbage collection to come: it stays."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_AFTER)

    async def on_tick(self, counter: int) -> bool:
        """Every tenth of a second: cut off the clients that are late."""
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            cast("Bounded", connection).cut_if_late(now)
        return await super().on_tick(counter)

    def _drain(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self._resources.drain()
        self.should_exit = True

    def _reread(self) -> None:
        try:
            self._resources.reread_keys()
        except SettingsError as error:
            log.error("keys.refused", why=str(error))  # noqa: TRY400
        else:
            log.info("keys.read")
        try:
            self._resources.reread_crms()
        except SettingsError as error:
            log.error("crms.refused", why=str(error))  # noqa: TRY400
        else:
            log.info("crms.read")


def main(socket_fd: int, lifeline_fd: int) -> None:
    """Serve on an inherited listening socket until told to stop."""
    app = app_from_environment()
    resources: Resources = app.state.resources
    settings = resources.settings
    limits = Limits(
        HotPath(resources),
        Heads(),
        resources.admission,
        resources.metrics,
        tasks=settings.burst_requests,
        client_timeout_s=settings.receive_timeout_s,
        idle_s=KEEP_ALIVE_S,
    )
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(Bounded, limits=limits),  # type: ignore[arg-type]
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the peer's address decides about the key `dev`; a header must not
        server_header=False,
        backlog=LISTEN_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.drain_s,
    )
    Server(config, resources, lifeline_fd).run(sockets=[socket.socket(fileno=socket_fd)])


if __name__ == "__main__":
    if told := sys.stdin.read():  # nothing, where the supervisor has given up before it could tell
        os.environ.update(json.loads(told))
        main(int(sys.argv[1]), int(sys.argv[2]))
