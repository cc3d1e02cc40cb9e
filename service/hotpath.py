"""`POST /v1/score` below the framework's handlers: the one route whose every microsecond is a rep's and a core's.

It keeps what the framework gives the others: authentication, request id, metrics, log, problem details, 405, 413, 415.
"""

from __future__ import annotations

import time
from typing import cast

import msgspec
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import HTTPScope, Receive, Scope, Send

from service.errors import ServiceError
from service.http import JSON, authorize, read_body, style
from service.observe import answered, log_failure, request_id
from service.problems import MEDIA_TYPE, problem_answer
from service.resources import Resources
from service.scoring import checked
from service.wire import read_score

PATH = "/v1/score"
_encode = msgspec.json.Encoder().encode
_PROBLEM = MEDIA_TYPE.encode()


class HotPath:
    """The route as an ASGI application."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        scope = cast("HTTPScope", scope)
        started = time.perf_counter()
        own_id = request_id(scope["headers"])
        status, headers = 200, [(b"content-type", JSON), (b"x-request-id", own_id)]
        try:
            body = await self._answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - every error has an answer, and an unexpected one is logged
            status, more, body = problem_answer(error)
            headers = [(b"content-type", _PROBLEM), (b"x-request-id", own_id)]
            headers += [(name.lower().encode(), value.encode()) for name, value in more.items()]
            if not isinstance(error, ServiceError | HTTPException):
                log_failure(error, scope)
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        answered(self._resources.metrics, PATH, scope["method"], status, started, own_id)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise MethodNotAllowedException(headers={"Allow": "POST"})
        resources = self._resources
        headers = dict(scope["headers"])
        authorize(resources.keyring, headers, scope["client"], "score")
        assessor = resources.live.assessor
        wanted = style(scope["query_string"], headers, resources.settings.language)
        body = await read_body(headers, receive, resources.settings.body_limit_bytes)
        asked = checked(assessor, read_score(body), wanted)
        return _encode(await resources.ticks.join(assessor, asked))
