"""Clients that want to hold a worker: slow ones, silent ones, and ones that send too much."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from loadtest.traffic.client import Target, connect

IDLE = 1000
"""Connections that say nothing: what a worker's 2,048 places in the backlog would not bear much longer."""

SLOW = 50
"""Connections of each kind that send too slowly."""

BYTE_EVERY_S = 0.1
"""A pace at which a header never gets done within the service's 10 s."""

OVERSIZED = 1 << 20
"""Bytes of a body where 64 KB are allowed; it is sent in full, whatever the service says."""

OVERSIZED_EVERY_S = 0.1

PATH = "/v1/score"


@contextlib.asynccontextmanager
async def hostility(target: Target) -> AsyncIterator[list[int]]:
    """All of them at once, until the end of the block; yields the statuses that oversized bodies got so far."""
    statuses: list[int] = []
    tasks = [asyncio.create_task(work) for work in _clients(target, statuses)]
    try:
        yield statuses
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, OSError):  # to be cut off is what they ask for
                raise error


def _clients(target: Target, statuses: list[int]) -> list[Coroutine[Any, Any, None]]:
    return [
        *(_silent(target) for _ in range(IDLE)),
        *(_byte_by_byte(target) for _ in range(SLOW)),
        *(_without_body(target) for _ in range(SLOW)),
        _oversized(target, statuses),
    ]


async def _silent(target: Target) -> None:
    """A connection that never sends."""
    async with _stream(target):
        await asyncio.Event().wait()


async def _byte_by_byte(target: Target) -> None:
    """A header a byte at a time; once cut off, from the start again."""
    while True:
        async with _stream(target) as writer:
            with contextlib.suppress(ConnectionError):
                for byte in target.head("POST", PATH, 100):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(BYTE_EVERY_S)


async def _without_body(target: Target) -> None:
    """A whole header, and then nothing of the body that it promised."""
    async with _stream(target) as writer:
        writer.write(target.head("POST", PATH, 100))
        await asyncio.Event().wait()


async def _oversized(target: Target, statuses: list[int]) -> None:
    """Bodies beyond the limit, one after another."""
    request = target.request("POST", PATH, b'{"prospect_id": "' + b"x" * OVERSIZED + b'"}')
    while True:
        connection = await connect(target)
        statuses.append((await connection.ask(request)).status)
        connection.close()
        await asyncio.sleep(OVERSIZED_EVERY_S)


@contextlib.asynccontextmanager
async def _stream(target: Target) -> AsyncIterator[asyncio.StreamWriter]:
    _, writer = await asyncio.open_connection(target.host, target.port)
    try:
        yield writer
    finally:
        writer.transport.abort()
