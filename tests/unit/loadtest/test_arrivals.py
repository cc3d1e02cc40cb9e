from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np

from loadtest.traffic.arrivals import Shots, closed_loop, open_loop
from loadtest.traffic.client import Reply, Target, connect

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Target]:
    """A server that reads a request and has `answer` write what it likes."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1], "key")
    await asyncio.gather(*serving)


async def good(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


async def busy(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def fired(answer: Answer, connections: int = 4) -> Shots:
    """40 arrivals at 400 a second."""

    async def run() -> Shots:
        async with serving(answer) as target:
            return await open_loop(target, [target.request("GET", "/")], 400, 0.1, connections)

    return asyncio.run(run())


def test_every_arrival_is_sent_and_its_status_kept() -> None:
    shots = fired(good)
    assert shots.status.tolist() == [200] * 40
    assert shots.share(200) == 1.0
    assert not shots.retry_after.any()
    assert (shots.latency_ms > 0).all()


def test_a_refusal_is_told_from_an_answer_with_its_retry_after() -> None:
    shots = fired(busy)
    assert shots.share(503) == 1.0
    assert shots.retry_after.all()
    assert np.isnan(shots.quantile_ms(0.5, 200))


def test_a_connection_that_ends_without_an_answer_counts_as_status_0() -> None:
    shots = fired(gone, connections=64)
    assert shots.share(0) == 1.0


def test_an_arrival_that_waits_for_a_connection_has_been_waiting_since_it_was_due() -> None:
    async def run() -> Shots:
        moved = False

        async def stalled(writer: asyncio.StreamWriter) -> None:
            nonlocal moved
            if not moved:
                moved = True
                await asyncio.sleep(0.3)
            await good(writer)

        async with serving(stalled) as target:
            return await open_loop(target, [target.request("GET", "/")], 400, 0.1, 1)

    shots = asyncio.run(run())
    assert shots.share(200) == 1.0
    assert shots.latency_ms.min() > 190  # the first was due 0.3 s before the server moved, the last 0.2 s


def test_a_closed_loop_counts_good_answers_only() -> None:
    async def run(answer: Answer) -> float:
        async with serving(answer) as target:
            return await closed_loop(target, itertools.repeat(target.request("GET", "/")), 0.1, 2)

    assert asyncio.run(run(good)) > 0
    assert asyncio.run(run(busy)) == 0


def test_an_answer_in_pieces_is_put_together() -> None:
    async def run() -> Reply:
        async def pieces(writer: asyncio.StreamWriter) -> None:
            for piece in (b"HTTP/1.1 201 Cre", b"ated\r\nContent-Length: 4\r\n", b"\r\nab", b"cd"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)

        async with serving(pieces) as target:
            connection = await connect(target)
            reply = await connection.ask(target.request("GET", "/"))
            connection.close()
            return reply

    reply = asyncio.run(run())
    assert (reply.status, reply.body) == (201, b"abcd")
