"""What surrounds every request: its id, metrics and log line. Nothing personal: no ids, values or query strings."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics

log = structlog.get_logger()
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Observed:
    """An ASGI application, observed.

    It stands outside the router, so that a path that leads nowhere is observed too.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and observe its answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        started = time.perf_counter()
        own_id = request_id(dict(scope["headers"]))
        status = 500

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", own_id)]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            answered(self._metrics, scope.get("path_template") or "none", method, status, started, own_id)


def answered(metrics: Metrics, route: str, method: str, status: int, started: float, own_id: bytes) -> None:
    """Count and log an answer to a request that came at `started` of `time.perf_counter`."""
    seconds = time.perf_counter() - started
    metrics.answered(route, method, status, seconds)
    tell = log.debug if status < 400 else log.info if status < 500 else log.error
    tell(
        "request",
        request_id=own_id.decode(),
        route=route,
        method=method,
        status=status,
        ms=round(seconds * 1000, 3),
    )


def log_failure(error: Exception) -> None:
    """Log an error that nobody expected: its class and where it rose, not its text, which may quote personal data."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('site-packages/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    log.error("failure", error=type(error).__name__, frames=frames[-12:])


def request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """The id that a request brings, if it is a sane one, else a new one."""
    brought = headers.get(b"x-request-id")
    if brought is not None and _SANE_ID.fullmatch(brought):
        return brought
    return os.urandom(16).hex().encode()


def observe(app: Litestar, metrics: Metrics) -> None:
    """Observe every request of `app`."""
    app.asgi_handler = Observed(app.asgi_handler, metrics)
