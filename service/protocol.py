"""HTTP on one connection: uvicorn's protocol, with bounds on how much and how slowly a client may ask."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.admission import Admission
from service.errors import Overloaded, ServiceError, TooSlow
from service.metrics import Metrics
from service.observe import request_id
from service.problems import http_answer

UNREAD_S = 30.0
"""A client that reads nothing of its answer for so long never will."""

_WATCHED = (b"/health/", b"/metrics")
"""Let in at any load: whoever watches must see what happens."""


class Limits(msgspec.Struct, frozen=True):
    """What bounds the connections of a server.

    receive_timeout_s: for a header from its first byte on, and then for the body, answered already or not.
    idle_s: for the first byte of a request.
    """

    admission: Admission
    metrics: Metrics
    receive_timeout_s: float
    idle_s: float


class Bounded(HttpToolsProtocol):
    """A connection that refuses at once what is too much, and that is cut off when its client is late."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._late_at = self.loop.time() + limits.idle_s
        self._arriving: str | None = None
        self._unread, self._unread_at = 0, inf

    def on_message_begin(self) -> None:
        self._arriving = "header"
        self._late_at = self.loop.time() + self._limits.receive_timeout_s
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        now = self.loop.time()
        self._arriving = "body"
        self._late_at = now + self._limits.receive_timeout_s
        if self._limits.admission.admits(len(self.tasks), now) or self._answering or self.url.startswith(_WATCHED):
            super().on_headers_complete()
        else:
            self._refuse()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = None
        self._late_at = inf if self._answering else self.loop.time() + self._limits.idle_s

    def cut_if_late(self, now: float) -> None:
        """Cut off a client who has not sent a request, or read an answer, in time; `now` is the event loop's."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread:
            self._unread, self._unread_at = unread, now
        elif now - self._unread_at > UNREAD_S:
            self.transport.abort()
        if self._late_at < now:
            if self._arriving and not (self.cycle.response_started if self._arriving == "body" else self._answering):
                self._answer(TooSlow("the request did not arrive in time"))
            self.transport.close()

    @property
    def _answering(self) -> bool:
        """Whether a request waits for its answer, or for the end of it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self) -> None:
        self._limits.metrics.overloaded()
        self._answer(Overloaded("more requests are in flight than can be answered in time"))
        if self.cycle is None:
            self.cycle = cast("RequestResponseCycle", _Refused())
        if self.expect_100_continue or not self.parser.should_keep_alive():
            self.transport.close()

    def _answer(self, error: ServiceError) -> None:
        self.transport.write(http_answer(error, request_id(self.headers)))


class _Refused:
    """What uvicorn asks of a request that it never saw: it has its answer, and its body is of no interest."""

    response_started = response_complete = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()
