"""`POST /v1/score` below the framework's handlers: the one route whose every microsecond is a rep's and a core's.

It keeps what the framework gives the others: authentication, request id, metrics, log, problem details, 405, 413, 415.
`direct.py` answers from the connection itself; as an ASGI application it answers what comes in any other way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import HTTPScope, Receive, Scope, Send

from service.answers import Answer
from service.errors import ServiceError
from service.http import JSON, authorize, declared_json, read_body, style
from service.observe import answered, log_failure, request_id
from service.problems import MEDIA_TYPE, problem_answer
from service.resources import Resources
from service.scoring import checked
from service.wire import read_score

PATH = "/v1/score"
_encode = msgspec.json.Encoder().encode
_PROBLEM = MEDIA_TYPE.encode()


class Request(NamedTuple):
    """What the route reads of a request beside its body; header names are lower case."""

    method: str
    query_string: bytes
    headers: Mapping[bytes, bytes]
    client: tuple[str, int] | None


class Response(NamedTuple):
    """What the route answers; the length is not among the headers."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class HotPath:
    """The route."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.limit_bytes = resources.settings.body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request as an ASGI application."""
        scope = cast("HTTPScope", scope)
        started = time.perf_counter()
        request = Request(scope["method"], scope["query_string"], dict(scope["headers"]), scope["client"])
        own_id = request_id(request.headers)
        try:
            self.let_in(request)
            body = await read_body(request.headers, receive, self.limit_bytes)
            response = answer_of(await self.ask(request, body))
        except Exception as error:  # noqa: BLE001 - every error has an answer
            response = refusal(error)
        headers = [*response.headers, (b"content-length", b"%d" % len(response.body)), (b"x-request-id", own_id)]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
        self.observe(request, response, started, own_id)

    def let_in(self, request: Request) -> None:
        """Let pass who may ask this.

        Raises:
            MethodNotAllowedException: it is no POST.
            ServiceError: its key may not score, or it declares no JSON.
        """
        if request.method != "POST":
            raise MethodNotAllowedException(headers={"Allow": "POST"})
        authorize(self._resources.keyring, request.headers, request.client, "score")
        declared_json(request.headers)

    def ask(self, request: Request, body: bytes) -> asyncio.Future[Answer]:
        """The answer to a request that was let in.

        Raises:
            ServiceError: the request is at fault, or no model serves.
        """
        assessor = self._resources.live.assessor
        wanted = style(request.query_string, request.headers, self._resources.settings.language)
        return self._resources.ticks.join(assessor, checked(assessor, read_score(body), wanted))

    def observe(self, request: Request, response: Response, started: float, own_id: bytes) -> None:
        """Count and log the answer to a request that came at `started` of `time.perf_counter`."""
        answered(self._resources.metrics, PATH, request.method, response.status, started, own_id)


def answer_of(answer: Answer) -> Response:
    """The response that tells `answer`."""
    return Response(200, [(b"content-type", JSON)], _encode(answer))


def refusal(error: Exception) -> Response:
    """The answer to an error; one that nobody expected is logged."""
    if not isinstance(error, ServiceError | HTTPException):
        log_failure(error)
    status, headers, body = problem_answer(error)
    more = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Response(status, [(b"content-type", _PROBLEM), *more], body)
