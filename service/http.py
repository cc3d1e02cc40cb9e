"""What every JSON route shares: the guard, reading a bounded body, writing JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import MediaType, Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Receive

from service import texts
from service.answers import Style
from service.errors import BadInput, ClientGone, TooLarge, UnsupportedMedia
from service.keys import Keyring, Scope
from service.resources import resources_of
from service.settings import Language

HttpRequest = Request[Any, Any, Any]
JSON = b"application/json"
_encode = msgspec.json.Encoder().encode
_PROXY_HEADERS = frozenset(
    (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via")
)


def requires(scope: Scope) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """A guard: the request must carry an API key that may do `scope`."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        headers = dict(connection.scope["headers"])
        authorize(resources_of(connection).keyring, headers, connection.scope["client"], scope)

    return guard


def authorize(keyring: Keyring, headers: Mapping[bytes, bytes], client: tuple[str, int] | None, scope: Scope) -> None:
    """Let pass a request whose API key may do `scope`.

    Raises:
        Unauthorized: it carries no key that we know.
        Forbidden: its key lacks the scope.
    """
    keyring.authorize(
        headers.get(b"authorization", b""),
        scope,
        client[0] if client else None,
        proxied=not _PROXY_HEADERS.isdisjoint(headers),
    )


async def read_json(request: HttpRequest, limit_bytes: int) -> bytes:
    """The raw body of a request that declares JSON, refused before more than `limit_bytes` are kept.

    Raises:
        UnsupportedMedia: it declares something else, or nothing.
        TooLarge: its declared or its actual length is over the limit.
        ClientGone: the connection closed before its end; a client that is too slow is cut off by `protocol.py`.
    """
    return await read_body(dict(request.scope["headers"]), request.receive, limit_bytes)


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit_bytes: int) -> bytes:
    """What `read_json` reads, from the parts of an ASGI request."""
    declared_json(headers)
    return await read_any(headers, receive, limit_bytes)


async def read_any(headers: Mapping[bytes, bytes], receive: Receive, limit_bytes: int) -> bytes:
    """The raw body of a request, whatever it declares, refused before more than `limit_bytes` are kept.

    Raises:
        TooLarge, ClientGone: as `read_json`.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:12]) > limit_bytes:
        raise TooLarge(limit_bytes)
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone("the client went away")
        body += message["body"]
        if len(body) > limit_bytes:
            raise TooLarge(limit_bytes)
        if not message.get("more_body", False):
            return body


def declared_json(headers: Mapping[bytes, bytes]) -> None:
    """Let pass a request that declares its body as JSON.

    Raises:
        UnsupportedMedia: it declares something else, or nothing.
    """
    kind = headers.get(b"content-type", b"")
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        raise UnsupportedMedia("send the body as application/json")


def json_response(content: object, status_code: int = 200) -> Response[bytes]:
    """`content` as JSON."""
    return Response(_encode(content), status_code=status_code, media_type=MediaType.JSON)


def style_of(request: HttpRequest) -> Style:
    """Language and reasons that the request asks for.

    Raises:
        BadInput: `?lang` or `?reasons` is none that we know.
    """
    headers = dict(request.scope["headers"])
    return style(request.scope["query_string"], headers, resources_of(request).settings.language)


def style(query_string: bytes, headers: Mapping[bytes, bytes], default: Language) -> Style:
    """What `style_of` finds, from the parts of an ASGI request."""
    query = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)) if query_string else {}
    reasons = query.get("reasons")
    if reasons not in (None, "all", "top"):
        raise BadInput("?reasons", "expected top or all")
    accepted = headers.get(b"accept-language")
    if accepted is None and not query:
        return Style(default)
    lang = texts.language(query.get("lang"), accepted.decode("latin-1") if accepted else None, default)
    return Style(lang=lang, all_reasons=reasons == "all")
