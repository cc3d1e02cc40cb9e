"""HTTP/1.1 over a bare asyncio protocol: so little work an answer that the generator is not what gets measured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Target(NamedTuple):
    """Where requests go, and the key that they carry."""

    host: str
    port: int
    key: str

    @classmethod
    def of(cls, url: str, key: str) -> Target:
        """The target at `url`, which is `http://HOST:PORT`."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or 80, key)

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """One request, ready to be written."""
        return self.head(method, path, len(body)) + body

    def head(self, method: str, path: str, length: int) -> bytes:
        """The header of a request whose body has `length` bytes."""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


class Reply(NamedTuple):
    """An answer; status 0 is a connection that ended without one."""

    status: int
    head: bytes
    body: bytes


LOST = Reply(0, b"", b"")


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time, and hands each reply to whoever sent it."""

    def __init__(self) -> None:
        self.open = False
        self._transport: asyncio.Transport
        self._answered: Callable[[Connection, Reply], None] | None = None
        self._received = b""

    def send(self, request: bytes, answered: Callable[[Connection, Reply], None]) -> None:
        """Write a request; `answered` is called once, with the reply or with `LOST`."""
        self._answered = answered
        self._transport.write(request)

    async def ask(self, request: bytes) -> Reply:
        """Send a request and wait for its reply."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.send(request, lambda _, reply: None if future.done() else future.set_result(reply))
        return await future

    def close(self) -> None:
        """End the connection."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's call."""  # noqa: D403
        self._transport = cast("asyncio.Transport", transport)  # uvloop's says that it is none
        self.open = True

    def connection_lost(self, _: Exception | None) -> None:
        """asyncio's call."""  # noqa: D403
        self.open = False
        self._finish(LOST)

    def data_received(self, data: bytes) -> None:
        """asyncio's call."""  # noqa: D403
        received = self._received = self._received + data
        head_end = received.find(HEAD_END)
        if head_end < 0:
            return
        length = _LENGTH.search(received, 0, head_end)
        body = received[head_end + 4 :]
        if len(body) < (int(length[1]) if length else 0):
            return
        self._received = b""
        self._finish(Reply(int(received[9:12]), received[:head_end], body))

    def _finish(self, reply: Reply) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(self, reply)


async def connect(target: Target) -> Connection:
    """A new connection.

    Raises:
        OSError: nobody listens.
    """
    _, connection = await asyncio.get_running_loop().create_connection(Connection, target.host, target.port)
    return connection
