"""Erasure: everything of a person goes at once, and a mark stays that keeps late retries from bringing them back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from service.durable import DurableStore
from service.errors import StoreUnavailable
from service.news_script import TELL_NEWS
from service.persons import Persons

log = structlog.get_logger()

REWRITE_S = 3600.0
"""Between looks at whether somebody was erased: that long an append-only file may hold what the store has forgotten."""

Eraser = Callable[[str], Awaitable[None]]
"""Erases a person, given as `Persons.hidden` has them, from one place beside the store; twice does no harm."""

_ERASE = (
    """
for _, digest in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do redis.call('UNLINK', ARGV[1] .. digest) end
redis.call('UNLINK', KEYS[1], KEYS[3], KEYS[4], KEYS[5])
redis.call('SET', KEYS[2], 'erased', 'PX', ARGV[2])
redis.call('HSET', KEYS[3], 'at', ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('SET', KEYS[6], '1')
"""
    + TELL_NEWS
    + "return 1\n"
)
"""KEYS: those of the person as `PersonKeys` orders them, and the flag that the file is to be rewritten. ARGV: what goes
before the digest in a claim's key, life of the mark in ms, now."""


class Erasure:
    """Erases persons.

    Args:
        store: the connection.
        persons: names the keys.
        tombstone: how long the mark stays.
        erasers: the other places; called in order, after the store.
    """

    def __init__(self, store: DurableStore, persons: Persons, tombstone: timedelta, erasers: list[Eraser]) -> None:
        self._store = store
        self._persons = persons
        self._tombstone_ms = int(tombstone.total_seconds() * 1000)
        self._erasers = erasers

    async def erase(self, prospect_id: str, now: datetime) -> None:
        """Erase every trace of a person, known or not; what fails in the middle is completed by asking again.

        Raises:
            StoreUnavailable: the store does not answer in time; the other places were not asked.
        """
        keys, at = self._persons.keys(prospect_id), repr(now.timestamp())
        more = (self._persons.rewrite_due, self._persons.claim, self._tombstone_ms, at)
        pipeline = self._store.client.pipeline(transaction=False)
        pipeline.eval(_ERASE, 6, *keys, *more)
        await self._store.written(pipeline)
        for eraser in self._erasers:
            await eraser(self._persons.hidden(prospect_id))

    async def rewrite(self) -> None:
        """Have the store write its append-only file anew, if somebody was erased since that was last done.

        One worker of all does so. What the store refuses is tried again next time.
        """
        due, redis = self._persons.rewrite_due, self._store.client
        try:
            if await self._store.run(redis.getdel(due)) is None:
                return
            try:
                await self._store.run(redis.bgrewriteaof())
            except StoreUnavailable:
                await self._store.run(redis.set(due, "1"))
                raise
        except StoreUnavailable:
            log.warning("erasure.file_not_rewritten")

    async def follow(self) -> None:
        """Rewrite whenever it is due, until cancelled."""
        while True:
            await asyncio.sleep(REWRITE_S)
            await self.rewrite()
