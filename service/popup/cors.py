"""Which routes a page of any origin may call: those that a pop-up's token opens, and no other."""

from __future__ import annotations

import re

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_OPEN = re.compile(r"/v1/prospects/[^/]+/events|/v1/decisions|/popup/card\.js")

_ALLOWED = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"retry-after, x-request-id"),
]
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key, accept-language"),
    (b"access-control-max-age", b"7200"),
]


class AnyOrigin:
    """An ASGI application whose routes for pop-ups answer pages of any origin, that of a sandboxed frame included.

    That is safe because no cookie opens them: whoever calls must hold a token, which no other page has. Refusals are
    readable too, so that the card can say what is wrong.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser that asks whether it may, and tell it so on every answer."""
        if scope["type"] != ScopeType.HTTP or _OPEN.fullmatch(scope["path"]) is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:

            async def allowing(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *_ALLOWED]
                await send(message)

            await self._app(scope, receive, allowing)
