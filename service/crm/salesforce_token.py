"""Salesforce's access tokens, which last for hours, got by the OAuth client credentials flow of a connected app.

Source: help.salesforce.com, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus

import httpx
import msgspec

from service.crm.client import check
from service.errors import Rejected

PATH = "/services/oauth2/token"


class _Granted(msgspec.Struct):
    access_token: str


class GrantedToken(httpx.Auth):
    """Sends an access token, and asks for a new one where Salesforce says that it is over.

    Args:
        api_url: the organization's own address, which grants tokens too.
        credentials: `client_id:client_secret`; they go there alone, and no further than the path that grants.
    """

    def __init__(self, api_url: str, credentials: str) -> None:
        self._url = api_url.rstrip("/") + PATH
        self._credentials = credentials
        self._token = ""
        self._asking = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See `httpx.Auth`. Requests that find the token over together ask for one.

        Raises:
            TryAgain, Rejected: there is none.
        """
        used = self._token
        if used:
            request.headers["Authorization"] = f"Bearer {used}"
            if (yield request).status_code != HTTPStatus.UNAUTHORIZED:
                return
        async with self._asking:
            if self._token == used:
                answer = yield self._request()
                await answer.aread()
                check(answer)
                self._token = _token(answer.content)
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _request(self) -> httpx.Request:
        client_id, _, client_secret = self._credentials.partition(":")
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return httpx.Request("POST", self._url, data=form)


def _token(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Granted).access_token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("POST: Salesforce has granted no access token") from None
