"""Zoho's access tokens, which live for an hour, and the refresh token that renews them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from service.crm.answered import read_answer
from service.crm.client import check
from service.errors import Rejected, TryAgain

if TYPE_CHECKING:
    import httpx

_TOO_MANY = "Access Denied"
"""What Zoho calls it when too many tokens were asked for; it says so with the status of a mistake of ours."""


class _Granted(msgspec.Struct, frozen=True):
    access_token: str = ""
    error: str = ""


_granted = msgspec.json.Decoder(_Granted)


def renewing(accounts_url: str, credentials: str) -> httpx.Auth:
    """What gives each request of a client the access token, and renews it.

    Args:
        accounts_url: Zoho's accounts server of the data centre, such as https://accounts.zoho.jp.
        credentials: `client_id:client_secret:refresh_token`.
    """
    from service.crm.granted_token import GrantedToken  # noqa: PLC0415 - see there

    client_id, _, rest = credentials.partition(":")
    client_secret, _, refresh_token = rest.partition(":")
    form = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    return GrantedToken("Zoho-oauthtoken", accounts_url.rstrip("/") + "/oauth/v2/token", form, _token)


def _token(answer: httpx.Response) -> str:
    if answer.status_code != HTTPStatus.BAD_REQUEST:
        check(answer)
    granted = read_answer(_granted, answer.content)
    if granted.error == _TOO_MANY:
        raise TryAgain("POST: Zoho grants no more access tokens for now")
    if not granted.access_token:
        raise Rejected("POST: Zoho has granted no access token")
    return granted.access_token
