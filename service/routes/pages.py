"""`/decisions`, for those who manage sales, and `/`, a mock CRM that there is in `dev` alone."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.http import HttpRequest
from service.resources import resources_of

_FOLDER = Path(__file__).parents[1] / "pages"
_MEDIA = {".js": "text/javascript", ".css": "text/css"}
PARTS = tuple(sorted(file.name for file in _FOLDER.iterdir() if file.suffix in _MEDIA))
"""What the pages load."""

_PLAIN = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


@get("/decisions")
async def decisions() -> Response[bytes]:
    """What reps made of warnings. The page holds nothing: whoever opens it shows a key of scope admin."""
    return _page("decisions.html")


@get("/")
async def mock_crm(request: HttpRequest) -> Response[bytes]:
    """A mock CRM around the card, where the key `dev` is accepted: it uses the interface as any other caller.

    Raises:
        NotFoundException: this is a deployment.
    """
    if not resources_of(request).keyring.dev:
        raise NotFoundException
    return _page("crm.html")


@get("/pages/{name:str}")
async def part(name: FromPath[str]) -> Response[bytes]:
    """A script or a style of the pages.

    Raises:
        NotFoundException: there is none of this name.
    """
    if name not in PARTS:
        raise NotFoundException
    headers = {"cache-control": "no-cache", **_PLAIN}
    return Response(_file(name), media_type=_MEDIA[Path(name).suffix], headers=headers)


def _page(name: str) -> Response[bytes]:
    """A page that loads from this host alone, runs our own scripts alone, and stands in nobody's frame."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "cache-control": "no-store", **_PLAIN}
    return Response(_file(name).replace(b"{nonce}", nonce.encode()), media_type="text/html", headers=headers)


@cache
def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
