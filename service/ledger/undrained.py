"""The stream where assessments wait for the ledger, from the side of those who take them out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from service.errors import StoreUnavailable
from service.recording import FIELD, Run, read_run, stream_key

log = structlog.get_logger()

GROUP = "ledger"
PAGE = 16
"""Runs read at once: up to a thousand assessments, half a megabyte."""

TIMEOUT_S = 5.0
"""Nobody waits for a score here."""

NEAR_MS = ((50, 1_000), (60_000, 60_000))
"""Where a decision's run is looked for, in milliseconds before and after the time in its id: the second window is for
clocks of workers and store that differ."""

ERASED = b"erased"


class Waiting(NamedTuple):
    """A run in the stream."""

    entry: bytes
    run: Run


class Undrained:
    """The stream.

    Args:
        url: of the store.
        tenant: part of the keys.
    """

    def __init__(self, url: str, tenant: str) -> None:
        self._prefix = f"gk:{tenant}:"
        self._key = stream_key(tenant)
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )

    async def prepare(self) -> None:
        """Make the group of those who drain, unless it is there."""
        with _translated():
            try:
                await self._redis.xgroup_create(self._key, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def next(self, consumer: str, count: int, wait_ms: int) -> list[Waiting]:
        """Up to `count` runs that nobody has taken yet, at once or within `wait_ms`."""
        with _translated():
            told: Any = await self._redis.xreadgroup(GROUP, consumer, {self._key: ">"}, count=count, block=wait_ms)
        entries = next(iter(told.values())) if isinstance(told, dict) else told[0][1] if told else []
        return list(_read(entries))

    async def left_behind(self, consumer: str, count: int, idle_ms: int) -> list[Waiting]:
        """Runs that somebody took `idle_ms` ago and has not settled: it died, or the ledger did."""
        with _translated():
            told: Any = await self._redis.xautoclaim(self._key, GROUP, consumer, idle_ms, "0-0", count=count)
        return list(_read(told[1]))

    async def settle(self, entries: Iterable[bytes]) -> None:
        """Take out runs that are on the ledger's disk."""
        entries = list(entries)
        with _translated():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.xack(self._key, GROUP, *entries)
            pipeline.xdel(self._key, *entries)
            await pipeline.execute()

    async def erased(self, subjects: Iterable[str]) -> set[str]:
        """Those of the subjects who were erased."""
        subjects = sorted(set(subjects))
        if not subjects:
            return set()
        with _translated():
            found: Any = await self._redis.mget([f"{self._prefix}v:{subject}" for subject in subjects])
        return {subject for subject, bar in zip(subjects, found, strict=True) if bar == ERASED}

    async def of_decision(self, decision_id: str) -> Waiting | None:
        """The run that holds a decision's assessment. The id tells when it was made, so that few are looked at."""
        made_ms = UUID(decision_id).int >> 80
        for before, after in NEAR_MS:
            async for waiting in self._holding(decision_id, str(max(0, made_ms - before)), str(made_ms + after)):
                return waiting
        return None

    async def of_subject(self, subject: str) -> list[Waiting]:
        """Every run that holds an assessment of this subject."""
        return [waiting async for waiting in self._holding(subject, "-", "+")]

    async def count(self) -> int:
        """How many runs wait."""
        with _translated():
            return int(await self._redis.xlen(self._key))

    async def leave(self, consumer: str) -> None:
        """Be no consumer any more; what it has taken and not settled goes to the next."""
        with contextlib.suppress(RedisError, OSError):
            pending: Any = await self._redis.xpending_range(self._key, GROUP, "-", "+", 1, consumer)
            if not pending:
                await self._redis.xgroup_delconsumer(self._key, GROUP, consumer)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _holding(self, text: str, first: str, last: str) -> AsyncIterator[Waiting]:
        """Runs between two ids of the stream whose bytes hold `text`."""
        sought = text.encode()
        while True:
            with _translated():
                entries: Any = await self._redis.xrange(self._key, first, last, count=PAGE)
            for waiting in _read(entries, sought):
                yield waiting
            if len(entries) < PAGE:
                return
            first = "(" + entries[-1][0].decode()


def _read(entries: Iterable[tuple[bytes, dict[bytes, bytes]]], sought: bytes = b"") -> Iterator[Waiting]:
    """The runs in a reply. One that does not read stays where it is: a newer worker may have written it."""
    for entry, fields in entries:
        content = fields.get(FIELD, b"") if fields else b""
        if sought not in content:
            continue
        try:
            yield Waiting(entry, read_run(content))
        except msgspec.DecodeError:
            log.error("ledger.unreadable_run", entry=entry.decode())  # noqa: TRY400


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        log.warning("ledger.store_down", kind=type(error).__name__)
        raise StoreUnavailable("the store does not answer") from None
