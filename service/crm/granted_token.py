"""Access tokens that last for hours: asked for with the first request, and again where the CRM says that one is over.

This module loads the HTTP library: import it where a request is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from http import HTTPStatus

import httpx


class GrantedToken(httpx.Auth):
    """Sends an access token, and asks for a new one when it is over: no clock need agree with the CRM's.

    Args:
        scheme: what stands before the token, such as Bearer.
        url: what grants tokens; credentials go there alone.
        form: the credentials, as it takes them.
        read: the token that an answer grants, or TryAgain or Rejected.
    """

    def __init__(self, scheme: str, url: str, form: Mapping[str, str], read: Callable[[httpx.Response], str]) -> None:
        self._scheme = scheme
        self._url = url
        self._form = form
        self._read = read
        self._token = ""
        self._asking = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See `httpx.Auth`. Requests that find it over together ask once: CRMs count how often.

        Raises:
            TryAgain, Rejected: there is none.
        """
        used = self._token
        if used:
            request.headers["Authorization"] = f"{self._scheme} {used}"
            if (yield request).status_code != HTTPStatus.UNAUTHORIZED:
                return
        async with self._asking:
            if self._token == used:
                answer = yield httpx.Request("POST", self._url, data=self._form, extensions=request.extensions)
                await answer.aread()
                self._token = self._read(answer)
        request.headers["Authorization"] = f"{self._scheme} {self._token}"
        yield request
