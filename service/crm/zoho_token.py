"""Zoho's access tokens, which live for an hour, and the refresh token that renews them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
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
    import httpx  # noqa: PLC0415 - see client.py

    tokens = _Tokens(accounts_url, credentials)

    class RenewedToken(httpx.Auth):
        def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            return tokens.flow(request)

    return RenewedToken()


class _Tokens:
    """The access token in use, renewed once where Zoho says that it is over: no clock need agree with Zoho's."""

    def __init__(self, accounts_url: str, credentials: str) -> None:
        self._url = accounts_url.rstrip("/") + "/oauth/v2/token"
        self._credentials = credentials
        self._token = ""
        self._renewing = asyncio.Lock()

    async def flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See `httpx.Auth`. Requests that find the token over together renew it once: ten times in ten minutes is all.

        Raises:
            TryAgain, Rejected: there is no new token.
        """
        used = self._token
        if used:
            _carry(request, used)
            if (yield request).status_code != HTTPStatus.UNAUTHORIZED:
                return
        async with self._renewing:
            if self._token == used:
                answer = yield self._renewal(request)
                await answer.aread()
                self._token = _token(answer)
        _carry(request, self._token)
        yield request

    def _renewal(self, request: httpx.Request) -> httpx.Request:
        client_id, _, rest = self._credentials.partition(":")
        client_secret, _, refresh_token = rest.partition(":")
        form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }
        return type(request)("POST", self._url, data=form, extensions=request.extensions)  # with its time-outs


def _carry(request: httpx.Request, token: str) -> None:
    request.headers["Authorization"] = f"Zoho-oauthtoken {token}"


def _token(answer: httpx.Response) -> str:
    if answer.status_code != HTTPStatus.BAD_REQUEST:
        check(answer)
    granted = read_answer(_granted, answer.content)
    if granted.error == _TOO_MANY:
        raise TryAgain("POST: Zoho grants no more access tokens for now")
    if not granted.access_token:
        raise Rejected("POST: Zoho has granted no access token")
    return granted.access_token
