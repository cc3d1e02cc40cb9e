"""How a request reaches Salesforce's REST interface, and which of its refusals pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.crm import client as any_crm
from service.crm.account import Account
from service.crm.salesforce_token import granting
from service.errors import TryAgain

if TYPE_CHECKING:
    import httpx

API_VERSION = "64.0"

_LATER = {"REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "INVALID_SESSION_ID"}
"""Refusals that pass: a limit, somebody else's change under way, and a session that is over until the token is new."""


class _Fault(msgspec.Struct, rename={"code": "errorCode"}):
    code: str


_faults = msgspec.json.Decoder(list[_Fault])


async def reached(
    client: httpx.AsyncClient, account: Account, method: str, path: str, **request: Any
) -> httpx.Response:
    """The answer to one request, whatever it says; `path` begins below the version of the interface.

    Raises:
        TryAgain: there is none.
        Rejected: there is no access token.
    """
    if client.auth is None and "oauth" in account.options:
        client.auth = granting(account.api_url, account.token)
    base = f"/services/data/v{account.options.get('api_version', API_VERSION)}"
    return await any_crm.reached(client, method, f"{base}/{path}", **request)


def check(answer: httpx.Response) -> None:
    """Let a success pass.

    Raises:
        TryAgain: Salesforce is busy, or limits us.
        Rejected: anything else.
    """
    code = code_of(answer)
    if code in _LATER:
        why = f"{answer.request.method}: answered {answer.status_code} {code}"
        raise TryAgain(why, any_crm.retry_after_s(answer))
    any_crm.check(answer)


def code_of(answer: httpx.Response) -> str:
    """Salesforce's name for the first fault, empty where there is none."""
    if answer.is_success:
        return ""
    try:
        return next((fault.code for fault in _faults.decode(answer.content)), "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
