"""Traffic at a pace of its own (open loop) or as fast as it is answered (closed loop), and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadtest.traffic.client import Connection, Reply, Target, connect

TICK_S = 0.001
"""How often arrivals are looked for that have become due: the shortest sleep that is one."""

TAIL_S = 10.0
"""How long answers are waited for after the last arrival."""


class Shots(NamedTuple):
    """What came of all arrivals. Times in ms from when each was *due*, so that waiting for a late answer counts.

    lag_ms: how much later than due the generator itself turned to an arrival.
    seconds: from the first arrival to the last answer.
    generator_share: the share of its core that the generator used while it sent.
    """

    status: NDArray[np.int64]
    latency_ms: NDArray[np.float64]
    lag_ms: NDArray[np.float64]
    retry_after: NDArray[np.bool_]
    seconds: float
    generator_share: float

    def quantile_ms(self, share: float, status: int) -> float:
        """The latency that this share of the answers with `status` kept; NaN where there was none."""
        chosen = self.latency_ms[self.status == status]
        return float(np.quantile(chosen, share)) if len(chosen) else float("nan")

    def share(self, status: int) -> float:
        """The share of arrivals that were answered with `status`."""
        return float(np.mean(self.status == status))

    def per_s(self, status: int) -> float:
        """Answers with `status` in a second."""
        return float(np.sum(self.status == status)) / self.seconds


class Pool:
    """Open connections, the free ones apart."""

    def __init__(self, connections: list[Connection]) -> None:
        self._all = connections
        self.free = deque(connections)

    @classmethod
    async def of(cls, target: Target, size: int) -> Pool:
        """`size` new connections."""
        return cls([await connect(target) for _ in range(size)])

    def close(self) -> None:
        """End all of them."""
        for connection in self._all:
            connection.close()


async def open_loop(target: Target, requests: Iterable[bytes], per_s: float, seconds: float, connections: int) -> Shots:
    """Send `requests` in turn, evenly at `per_s` whether they are answered or not, over at most so many connections.

    An arrival that finds every connection taken waits for one, and its latency counts that. What is not answered
    `TAIL_S` after the last arrival has status 0.
    """
    with contextlib.closing(await Pool.of(target, connections)) as pool:
        return await _shot(pool, requests, per_s, seconds)


async def _shot(pool: Pool, requests: Iterable[bytes], per_s: float, seconds: float) -> Shots:
    count = int(per_s * seconds)
    bodies = itertools.cycle(requests)
    status, done = np.zeros(count, np.int64), np.full(count, np.nan)
    lag, retry_after = np.zeros(count), np.zeros(count, np.bool_)
    waiting: deque[int] = deque()
    left, finished = count, asyncio.Event()

    def send(number: int, connection: Connection) -> None:
        def answered(connection: Connection, reply: Reply) -> None:
            nonlocal left
            done[number], status[number] = time.perf_counter(), reply.status
            retry_after[number] = b"\r\nretry-after:" in reply.head.lower()
            left -= 1
            if left == 0:
                finished.set()
            if not connection.open:
                return
            if waiting:
                send(waiting.popleft(), connection)
            else:
                pool.free.append(connection)

        connection.send(next(bodies), answered)

    started, used = time.perf_counter(), time.process_time()
    number = 0
    while number < count:
        now = time.perf_counter()
        while number < count and started + number / per_s <= now:
            lag[number] = now - (started + number / per_s)
            if pool.free:
                send(number, pool.free.popleft())
            else:
                waiting.append(number)
            number += 1
        await asyncio.sleep(TICK_S)
    generator_share = (time.process_time() - used) / (time.perf_counter() - started)
    try:
        async with asyncio.timeout(TAIL_S):
            await finished.wait()
    except TimeoutError:
        done[np.isnan(done)] = time.perf_counter()
    due = started + np.arange(count) / per_s
    return Shots(status, (done - due) * 1000, lag * 1000, retry_after, float(done.max()) - started, generator_share)


async def closed_loop(target: Target, requests: Iterator[bytes], seconds: float, connections: int) -> float:
    """Answers of status 200 in a second when every connection sends its next request as soon as it has an answer."""
    good, until = 0, time.perf_counter() + seconds

    async def ask_on(connection: Connection) -> None:
        nonlocal good
        while time.perf_counter() < until and connection.open:
            reply = await connection.ask(next(requests))
            good += reply.status == 200

    with contextlib.closing(await Pool.of(target, connections)) as pool:
        await asyncio.gather(*(ask_on(connection) for connection in pool.free))
    return good / seconds
