"""Salesforce's access tokens, got by the OAuth client credentials flow of a connected app.

Source: help.salesforce.com, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from service.crm.client import check
from service.errors import Rejected

if TYPE_CHECKING:
    import httpx

PATH = "/services/oauth2/token"


class _Granted(msgspec.Struct):
    access_token: str


def granting(api_url: str, credentials: str) -> httpx.Auth:
    """What gives each request of a client the access token, and renews it.

    Args:
        api_url: the organization's own address, which grants tokens too.
        credentials: `client_id:client_secret`.
    """
    from service.crm.granted_token import GrantedToken  # noqa: PLC0415 - see there

    client_id, _, client_secret = credentials.partition(":")
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return GrantedToken("Bearer", api_url.rstrip("/") + PATH, form, _token)


def _token(answer: httpx.Response) -> str:
    check(answer)
    try:
        return msgspec.json.decode(answer.content, type=_Granted).access_token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("POST: Salesforce has granted no access token") from None
