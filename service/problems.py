"""The one place where a refusal becomes an HTTP answer: problem details of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from service.errors import BadInput, ServiceError

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details. `path` is there for bad input alone: the first fault, key included."""

    type: str
    title: str
    status: int
    detail: str
    path: str | None = None


def problem_of(error: Exception) -> Problem:
    """What the caller is told about `error`: nothing beyond a title when it is none of ours."""
    if isinstance(error, ServiceError):
        path = error.path if isinstance(error, BadInput) else None
        return Problem(f"urn:gatekeeper:{error.slug}", error.title, error.status.value, str(error), path)
    if isinstance(error, HTTPException) and error.status_code < 500:
        status = HTTPStatus(error.status_code)
        return Problem("about:blank", status.phrase, status.value, status.description or status.phrase)
    return Problem("urn:gatekeeper:internal", ServiceError.title, 500, "the fault is ours; it was logged")


def answer_problem(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for every class."""
    status, headers, body = problem_answer(error)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_answer(error: Exception) -> tuple[int, dict[str, str], bytes]:
    """Status, headers beside those that every answer has, and body of the answer to `error`."""
    problem = problem_of(error)
    return problem.status, dict(getattr(error, "headers", None) or {}), msgspec.json.encode(problem)


class Canned(NamedTuple):
    """A whole answer as it goes over the wire, made before anybody asks, for what never reaches the application."""

    head: bytes
    tail: bytes

    def with_id(self, request_id: bytes) -> bytes:
        return b"%sx-request-id: %s\r\n%s" % (self.head, request_id, self.tail)


def canned(error: ServiceError) -> Canned:
    """The answer to `error`, of whatever request."""
    status, headers, body = problem_answer(error)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-type: {MEDIA_TYPE}"]
    lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
    head = "".join(f"{line}\r\n" for line in lines)
    return Canned(head.encode(), b"content-length: %d\r\n\r\n%s" % (len(body), body))
