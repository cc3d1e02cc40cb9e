"""The hot path on its connection: no ASGI, no task, no second look at the headers between a request and its answer.

uvicorn makes a task, an event, a scope and two sends of each request for an ASGI application. What is not plain
(chunked, HTTP/1.0, pipelined, another method, not let in) takes that way all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

from service.answers import Answer
from service.hotpath import HotPath, Request, Response, answer_of, refusal
from service.observe import request_id

_STATUS = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}


class _Unheard:
    """An event that nobody waits for."""

    def set(self) -> None:
        """Tell nobody."""


class Direct:
    """A request that is answered from its connection, with all that uvicorn asks of a request of its own.

    Args:
        hot: the route.
        request: what was asked, and let in.
        reply: writes the lines of the answer and ends the request; is told whether to keep the connection.
    """

    message_event = _Unheard()
    keep_alive = True
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False

    def __init__(self, hot: HotPath, request: Request, reply: Callable[[list[bytes], bool], None]) -> None:
        self.body = bytearray()
        self._hot = hot
        self._request = request
        self._reply = reply
        self._started = time.perf_counter()
        self._answer: asyncio.Future[Answer] | None = None

    def run(self) -> None:
        """Ask, now that the body is there."""
        try:
            self._answer = self._hot.ask(self._request, bytes(self.body))
        except Exception as error:  # noqa: BLE001 - every error has an answer
            self._respond(refusal(error))
        else:
            self._answer.add_done_callback(self._answered)

    def cancel(self) -> None:
        """The client is gone."""
        if self._answer is not None:
            self._answer.cancel()

    def _answered(self, answer: asyncio.Future[Answer]) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            self._respond(answer_of(answer.result()))
        else:
            self._respond(refusal(error if isinstance(error, Exception) else RuntimeError()))

    def _respond(self, response: Response) -> None:
        own_id = request_id(self._request.headers)
        lines = [_STATUS[response.status], *(b"%s: %s\r\n" % header for header in response.headers)]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"x-request-id: %s\r\ncontent-length: %d\r\n\r\n" % (own_id, len(response.body)))
        lines.append(response.body)
        self.response_started = self.response_complete = True
        self._reply(lines, self.keep_alive)
        self._hot.observe(self._request, response, self._started, own_id)
