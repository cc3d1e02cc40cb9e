"""How a CRM's own interface is called: one client per account, and every way to fail made one of two errors.

Only the worker calls a CRM, so the HTTP library is loaded with the first client, not at a server's start. No URL that
a webhook brings is ever called: all addresses begin with the account's `api_url`, and no redirect is followed.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from service.crm.account import Account, Name
from service.errors import Rejected, TryAgain

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0
"""For connecting, and between bytes: the vendors' own limit for answering us."""

AUTHORIZATION: dict[Name, tuple[str, str]] = {
    "hubspot": ("Authorization", "Bearer "),
    "salesforce": ("Authorization", "Bearer "),
    "pipedrive": ("x-api-token", ""),
    "zoho": ("Authorization", "Zoho-oauthtoken "),
    "kintone": ("X-Cybozu-API-Token", ""),
}
"""The header that carries the token, and what goes before it."""

_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_CODE = re.compile(r"[A-Z][A-Za-z0-9_]{2,60}")
_KEYS = ("category", "errorType", "errorCode", "code")
"""Where CRMs put the name of an error: HubSpot and its limits, Salesforce, the others."""


def api_client(account: Account, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client of the account's interface, for the caller to close."""
    import httpx  # noqa: PLC0415

    headers = {"User-Agent": "gatekeeper"}
    if account.token:
        name, before = AUTHORIZATION[account.crm]
        headers[name] = before + account.token
    return httpx.AsyncClient(
        base_url=account.api_url, headers=headers, timeout=TIMEOUT_S, follow_redirects=False, transport=transport
    )


async def answer_of(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    """The answer to one request, which is a success; `request` is what httpx takes: params, json, content, headers.

    Raises:
        TryAgain, Rejected: as `reached` and `check`.
    """
    answer = await reached(client, method, path, **request)
    check(answer)
    return answer


async def reached(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
    """The answer to one request, whatever it says.

    Raises:
        TryAgain: there is none.
    """
    import httpx  # noqa: PLC0415

    try:
        return await client.request(method, path, **request)
    except httpx.HTTPError as error:
        raise TryAgain(f"{method}: no answer: {type(error).__name__}") from None


def check(answer: httpx.Response) -> None:
    """Let a success pass.

    Raises:
        TryAgain: the CRM is busy or limits us.
        Rejected: anything else, with the CRM's name for it; its sentence might repeat what was sent.
    """
    status = answer.status_code
    if answer.is_success:
        return
    why = f"{answer.request.method}: answered {status}{_named(answer)}"
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryAgain(why, retry_after_s(answer))
    raise Rejected(why)


def retry_after_s(answer: httpx.Response) -> float | None:
    """What Retry-After asks for, in seconds; a date counts from the answer's own, so that no clock need agree."""
    text = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(wait.total_seconds(), 0.0)


def _named(answer: httpx.Response) -> str:
    """The error's name, such as ` VALIDATION_ERROR`, where the answer has one."""
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    said = body[0] if isinstance(body, list) and body else body
    names = [str(said[key]) for key in _KEYS if key in said] if isinstance(said, dict) else []
    return next((f" {name}" for name in names if _CODE.fullmatch(name)), "")
