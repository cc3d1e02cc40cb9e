"""A connection to the store for the hot path: commands are written at once, their replies come in the same order.

redis-py takes a connection from a pool for every command and waits for its reply before the next; a score cannot afford
that. What else the service asks of the store goes through redis-py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Reply = Any


class Link(asyncio.Protocol):
    """One connection. Whoever stops waiting for a reply leaves the others' in order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to the store at `url`, as redis-py reads it: redis://, rediss:// or unix://.

        Raises:
            OSError: nobody listens there.
            RedisError: the store refuses the user, the password or the database.
        """
        told: dict[str, Any] = dict(parse_url(url))
        loop = asyncio.get_running_loop()
        if "path" in told:
            _, link = await loop.create_unix_connection(cls, told["path"])
        else:
            tls = SSLConnection(**told).ssl_context.get() if told.pop("connection_class", None) else None
            _, link = await loop.create_connection(cls, told.get("host", "localhost"), told.get("port", 6379), ssl=tls)
        try:
            if told.get("password"):
                await link.send("AUTH", told.get("username", "default"), told["password"])
            if told.get("db"):
                await link.send("SELECT", told["db"])
        except BaseException:
            link.close()
            raise
        return link

    @property
    def lost(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def send(self, *command: str | bytes | int) -> asyncio.Future[Reply]:
        """Write a command; the future is its reply.

        Raises:
            RedisConnectionError: the connection is lost.
        """
        if self._transport is None or self._transport.is_closing():
            raise RedisConnectionError("the connection to the store is lost")
        reply = self._loop.create_future()
        self._waiting.append(reply)
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub wants a tuple of one
        return reply

    def close(self) -> None:
        """Let go of the connection; whoever waits gets a RedisConnectionError."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            future = self._waiting.popleft()
            if future.done():  # whoever asked has stopped waiting
                continue
            if isinstance(reply, hiredis.ReplyError):
                future.set_exception(ResponseError(str(reply)))
            else:
                future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisConnectionError("the connection to the store is lost"))
