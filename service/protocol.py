"""HTTP on one connection: uvicorn's protocol, with bounds on how much and how slowly a client may ask."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.admission import Admission
from service.direct import Direct
from service.errors import Overloaded, ServiceError, TooSlow
from service.heads import Heads
from service.hotpath import PATH, HotPath, Request
from service.metrics import Metrics
from service.observe import request_id
from service.problems import Canned, canned

_HOT = PATH.encode()

_OVERLOADED = canned(Overloaded("more requests are in flight than can be answered in time"))
_TOO_SLOW = canned(TooSlow("the request did not arrive in time"))
"""Made once: while there is too much to do, a refusal must cost next to nothing."""

_ENDLESS = b"/events"

_WATCHED = (b"/health/", b"/metrics")
"""Let in at any load: whoever watches must see what happens."""


class Limits(msgspec.Struct, frozen=True):
    """What bounds the connections of a server, and the route that they answer themselves, with the heads that ask it.

    tasks: requests that may be there at once, however little of them has arrived.
    client_timeout_s: for a header from its first byte on, then for the body, answered already or not, and for reading
        some of an answer.
    idle_s: for the first byte of a request.
    """

    hot: HotPath
    heads: Heads
    admission: Admission
    metrics: Metrics
    tasks: int
    client_timeout_s: float
    idle_s: float


class Bounded(HttpToolsProtocol):
    """A connection that refuses at once what is too much, and that is cut off when its client is late."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._late_at = self.loop.time() + limits.idle_s
        self._arriving: str | None = None
        self._owed = 0
        self._direct: Direct | None = None
        self._plain: Request | None = None
        self._unread, self._unread_at = 0, inf

    def data_received(self, data: bytes) -> None:
        """Read what has come, but do not parse what need not be: a head that was read before, and what is too much."""
        if self._arriving is not None or self._answering:
            super().data_received(data)
            return
        now = self.loop.time()
        head, _, body = data.partition(b"\r\n\r\n")
        known = self._limits.heads.known(head, len(body))
        if not self._limits.admission.admits(now):
            given_id = known.headers.get(b"x-request-id", b"") if known else whole_post(data)
            if given_id is not None:
                self._limits.metrics.overloaded()
                self._late_at = now + self._limits.idle_s
                self.transport.write(_OVERLOADED.with_id(request_id({b"x-request-id": given_id})))
                return
        if known is None or not self._ask(known, body):
            self._plain = None
            super().data_received(data)
            if self._plain is not None and self._arriving is None:
                self._limits.heads.learn(head, len(body), self._plain)

    def on_message_begin(self) -> None:
        self._arriving = "header"
        self._late_at = self.loop.time() + self._limits.client_timeout_s
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        now = self.loop.time()
        self._arriving = "body"
        self._late_at = now + self._limits.client_timeout_s
        if not self._admitted(now):
            self._refuse()
        elif (request := self._plain_score()) is not None:
            self._plain = request
            self._begin(request)
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = None
        if self._answering:
            if self._endless:
                self._late_at = inf
            else:
                self._owe()
            if isinstance(self.cycle, Direct):
                self.cycle.run()
        else:
            self._late_at = self.loop.time() + self._limits.idle_s

    def on_response_complete(self) -> None:
        """Go on with the connection, as uvicorn does, whose timer for idle ones `cut_if_late` stands in for."""
        self.server_state.total_requests += 1
        self._settle(min(1, self._owed))
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._arriving is None:
            self._late_at = self.loop.time() + self._limits.idle_s

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._settle(self._owed)
        if self._direct is not None:
            self._direct.cancel()

    def cut_if_late(self, now: float) -> None:
        """Cut off a client who has not sent a request, or read an answer, in time; `now` is the event loop's."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread:
            self._unread, self._unread_at = unread, now
        elif now - self._unread_at > self._limits.client_timeout_s:
            self.transport.abort()
        if self._late_at < now:
            if self._arriving and not (self.cycle.response_started if self._arriving == "body" else self._answering):
                self._tell(_TOO_SLOW)
            self.transport.close()

    @property
    def _answering(self) -> bool:
        """Whether a request waits for its answer, or for the end of it."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _endless(self) -> bool:
        """Whether the answer lasts as long as a card is open: nobody waits for its end; the route bounds how many."""
        return self.url.partition(b"?")[0].endswith(_ENDLESS)

    def _admitted(self, now: float) -> bool:
        limits = self._limits
        crowded = len(self.tasks) >= limits.tasks or not limits.admission.admits(now)
        return not crowded or self._answering or self.url.startswith(_WATCHED)

    def _plain_score(self) -> Request | None:
        """The request, if it is one for the hot path that can be answered from the connection."""
        path, _, query_string = self.url.partition(b"?")
        if path != _HOT or self._answering or self.expect_100_continue or self.parser.get_method() != b"POST":
            return None
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > self._limits.hot.limit_bytes or not self.parser.should_keep_alive():
            return None
        request = Request("POST", query_string, headers, self.client)
        return request if self._let_in(request) else None

    def _let_in(self, request: Request) -> bool:
        """Whether it may ask; if not, it is refused the long way, before its body is there."""
        try:
            self._limits.hot.let_in(request)
        except ServiceError:
            return False
        return True

    def _ask(self, known: Request, body: bytes) -> bool:
        """Answer a whole request whose head is known, if it may ask."""
        request = known._replace(client=self.client)
        if not self._let_in(request):
            return False
        direct = self._begin(request)
        direct.body += body
        self._owe()
        direct.run()
        return True

    def _begin(self, request: Request) -> Direct:
        self._direct = Direct(self._limits.hot, request, self._reply)
        self.cycle = self._direct  # type: ignore[assignment]
        return self._direct

    def _owe(self) -> None:
        self._late_at = inf
        self._owed += 1
        self._limits.admission.in_flight += 1

    def _reply(self, lines: list[bytes], keep_alive: bool) -> None:  # noqa: FBT001
        """Write the answer of a Direct, and go on as after one of uvicorn's own."""
        self._direct = None
        if self.transport.is_closing():
            return
        for header in self.server_state.default_headers:
            lines.insert(1, b"%s: %s\r\n" % header)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _settle(self, answers: int) -> None:
        self._owed -= answers
        self._limits.admission.in_flight -= answers

    def _refuse(self) -> None:
        self._limits.metrics.overloaded()
        self._tell(_OVERLOADED)
        if self.cycle is None:
            self.cycle = _Refused()
        if self.expect_100_continue or not self.parser.should_keep_alive():
            self.transport.close()

    def _tell(self, answer: Canned) -> None:
        self.transport.write(answer.with_id(request_id(dict(self.headers))))


def whole_post(data: bytes) -> bytes | None:
    """The id that a request brings, empty where it brings none, if `data` is one whole plain POST and nothing else."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower() + b"\r\n"
    if not head.startswith(b"POST ") or b"\r\nexpect:" in lines or b"\r\nconnection: close" in lines:
        return None
    length = _header(lines, b"content-length")
    if length != b"%d" % len(body) or b" http/1.1\r\n" not in lines:
        return None
    return _header(head + b"\r\n", b"x-request-id") or _header(head + b"\r\n", b"X-Request-Id")


def _header(lines: bytes, name: bytes) -> bytes:
    """The value of a header, spelled like this; empty where there is none."""
    _, found, rest = lines.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


class _Refused:
    """What uvicorn asks of a request that it never saw: it has its answer, and its body is of no interest."""

    response_started = response_complete = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()
