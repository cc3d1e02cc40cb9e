"""What the router sees of a request: its path as it was sent, and HEAD as GET."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send


class Routed:
    """An ASGI application whose router sees paths percent-encoded, so that `a%2Fb` is one segment.

    An id in a path is then decoded by `wire.url_id`, strictly. HEAD is answered like GET; the server leaves out the
    body.

    Args:
        app: what routes.
        direct: applications by the path at which they stand in for the router.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as a copy: the server looks at its own scope to know what was asked."""
        if scope["type"] == ScopeType.HTTP:
            direct = self._direct.get(scope["path"])
            if direct is not None:
                await direct(scope, receive, send)
                return
            path = scope["raw_path"].partition(b"?")[0].decode("ascii")  # some clients in tests leave the query on it
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            scope = cast("HTTPScope", {**scope, "path": path, "method": method})
        await self._app(scope, receive, send)
