"""Consent: what a person has said about being scored. Who said no has a bar in place of a vector (`bars.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from service.bars import BAR_OF, BARS, Bar
from service.durable import DurableStore
from service.news_script import TELL_NEWS
from service.persons import Persons
from service.scoring import written_at

_SET = (
    BAR_OF
    + """
local bar, last = bar_of(KEYS[2]), redis.call('HGET', KEYS[1], 'at')
if last and tonumber(last) > tonumber(ARGV[2]) then return 0 end
if bar == 'erased' and ARGV[1] == '0' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'granted', ARGV[1], 'at', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'source', ARGV[3]) end
if ARGV[1] == '0' then redis.call('SET', KEYS[2], 'no_consent')
else
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    if bar then redis.call('DEL', KEYS[2]) end
end
"""
    + TELL_NEWS
    + "return 1\n"
)
"""KEYS: consent, vector. ARGV: granted, time, source, life of a consent in ms. A refusal is kept without end, and so is
its bar. The last word by its own time stands, whichever comes last; nothing is kept of who was erased and says no."""


class Consent(msgspec.Struct, frozen=True):
    """What is on record. `granted` is null where nothing was said, or all was erased, which was `at` then."""

    granted: bool | None
    at: str | None
    source: str | None
    not_scored_because: Bar | None


class Consents:
    """Keeps what persons have said; `StoreUnavailable` when the store does not answer in time.

    Args:
        store: the connection.
        persons: names the keys.
        ttl: life of a consent that was given.
    """

    def __init__(self, store: DurableStore, persons: Persons, ttl: timedelta) -> None:
        self._store = store
        self._persons = persons
        self._ttl_ms = int(ttl.total_seconds() * 1000)

    async def set(self, prospect_id: str, at: float, source: str, *, granted: bool) -> None:
        """Note what the person said at `at`, unless they, or an erasure, have had a later word."""
        keys, said = self._persons.keys(prospect_id), "1" if granted else "0"
        pipeline = self._store.client.pipeline(transaction=False)
        pipeline.eval(_SET, 2, keys.consent, keys.vector, said, repr(at), source, self._ttl_ms)
        await self._store.written(pipeline)

    async def read(self, prospect_id: str) -> Consent:
        """What is on record."""
        keys = self._persons.keys(prospect_id)
        pipeline = self._store.client.pipeline(transaction=True)
        pipeline.hgetall(keys.consent)
        pipeline.get(keys.vector)
        fields, vector = await self._store.run(pipeline.execute())
        return consent_of(fields, vector)


def consent_of(fields: Mapping[bytes, bytes], vector: bytes | None) -> Consent:
    """The consent in the fields of its hash, and the bar that stands where the vector would."""
    barred = BARS.get(vector or b"")
    return Consent(
        fields[b"granted"] == b"1" if b"granted" in fields else None,
        written_at(float(fields[b"at"])) if b"at" in fields else None,
        fields[b"source"].decode() if b"source" in fields else None,
        barred.why if barred else None,
    )
