"""HTTP on one connection: uvicorn's protocol, with a bound on how long a request may take to arrive."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GRACE_S = 1.0
"""The application answers a slow body with a 408 first; then the connection is cut, whatever became of that."""


def bounded(receive_timeout_s: float, idle_s: float) -> type[HttpToolsProtocol]:
    """A protocol that cuts off who does not finish a request.

    Args:
        receive_timeout_s: for a header from its first byte on, and then for the body, answered already or not.
        idle_s: for the first byte on a new connection.
    """

    class Bounded(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._within(idle_s)

        def connection_lost(self, exc: Exception | None) -> None:
            self._within(None)
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._within(receive_timeout_s + GRACE_S)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._within(receive_timeout_s + GRACE_S)
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._within(None)
            super().on_message_complete()

        def _within(self, seconds: float | None) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.close)

    return Bounded
