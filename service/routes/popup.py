"""`/popup` and `/popup/card.js`: the card, as a page for frames and as a script for a CRM's own pages."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from litestar import Response, get

from service.http import HttpRequest
from service.resources import resources_of

_FOLDER = Path(__file__).parents[1] / "popup"


@get("/popup")
async def page(request: HttpRequest) -> Response[bytes]:
    """The card alone. It holds nothing about anybody: the token comes in the fragment, which browsers do not send."""
    nonce = secrets.token_urlsafe(16)
    ancestors = " ".join(("'self'", *resources_of(request).settings.frame_ancestors))
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )
    headers = {"content-security-policy": policy, "cache-control": "no-store", **_PLAIN}
    return Response(_file("page.html").replace(b"{nonce}", nonce.encode()), media_type="text/html", headers=headers)


@get("/popup/card.js")
async def card() -> Response[bytes]:
    """The element `<gatekeeper-warning>`."""
    headers = {"cache-control": "public, max-age=300", "cross-origin-resource-policy": "cross-origin", **_PLAIN}
    return Response(_file("card.js"), media_type="text/javascript", headers=headers)


_PLAIN = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


@cache
def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
