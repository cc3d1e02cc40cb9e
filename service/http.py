"""What every JSON route shares: the guard, reading a bounded body, writing JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from service import texts
from service.answers import Style
from service.errors import BadInput, ClientGone, TooLarge, TooSlow, UnsupportedMedia
from service.keys import Scope
from service.resources import resources_of

HttpRequest = Request[Any, Any, Any]
_encode = msgspec.json.Encoder().encode
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


def requires(scope: Scope) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """A guard: the request must carry an API key that may do `scope`."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        headers = connection.headers
        resources_of(connection).keyring.authorize(
            headers.get("authorization"),
            scope,
            connection.client.host if connection.client else None,
            proxied=any(name in headers for name in _PROXY_HEADERS),
        )

    return guard


async def read_json(request: HttpRequest, limit_bytes: int) -> bytes:
    """The raw body of a request that declares JSON, refused before more than `limit_bytes` are kept, and when late.

    Raises:
        UnsupportedMedia: it declares something else, or nothing.
        TooLarge: its declared or its actual length is over the limit.
        TooSlow: its end does not come in time.
        ClientGone: the connection closed before its end.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMedia("send the body as application/json")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:12]) > limit_bytes:
        raise TooLarge(limit_bytes)
    try:
        async with asyncio.timeout(resources_of(request).settings.receive_timeout_s):
            return await _body(request, limit_bytes)
    except TimeoutError:
        raise TooSlow("the body did not arrive in time") from None


async def _body(request: HttpRequest, limit_bytes: int) -> bytes:
    body = b""
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientGone("the client went away")
        body += message["body"]
        if len(body) > limit_bytes:
            raise TooLarge(limit_bytes)
        if not message.get("more_body", False):
            return body


def json_response(content: object, status_code: int = 200) -> Response[bytes]:
    """`content` as JSON."""
    return Response(_encode(content), status_code=status_code, media_type=MediaType.JSON)


def style_of(request: HttpRequest) -> Style:
    """Language and reasons that the request asks for.

    Raises:
        BadInput: `?lang` or `?reasons` is none that we know.
    """
    query = request.query_params
    reasons = query.get("reasons")
    if reasons not in (None, "all", "top"):
        raise BadInput("?reasons", "expected top or all")
    lang = texts.language(
        query.get("lang"), request.headers.get("accept-language"), resources_of(request).settings.language
    )
    return Style(lang=lang, all_reasons=reasons == "all")
