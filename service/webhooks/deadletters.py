"""Dead letters: write-backs that were given up, for a person to look at, try again or drop.

A letter is `{h}:{crm}`. What it was to write is still with the person's pending write-backs; where it is not, the
person was erased, or its time is over, and it is no letter any more.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from service.durable import DurableStore
from service.scoring import written_at
from service.settings import Settings
from service.webhooks.job import Job, message_of
from service.webhooks.keyspace import Keyspace


class Letter(msgspec.Struct, frozen=True):
    """A write-back that was given up; `id` is what the other commands take."""

    id: str
    crm: str
    given_up_at: str
    why: str


class DeadLetters:
    """The dead letters of one tenant."""

    def __init__(self, store: DurableStore, keys: Keyspace) -> None:
        self._store = store
        self._keys = keys

    async def all(self) -> list[Letter]:
        """Oldest first."""
        letters = []
        found: list[tuple[bytes, float]] = await self._store.run(
            self._store.client.zrange(self._keys.dead, 0, -1, withscores=True)  # type: ignore[arg-type]
        )
        for member, at in found:
            letter = member.decode()
            crm = letter.partition(":")[2]
            why = await self._field(letter, "why")
            if why is None:
                await self._store.run(self._store.client.zrem(self._keys.dead, letter))
            else:
                letters.append(Letter(letter, crm, written_at(at), why))
        return letters

    async def replay(self, letter: str, now_s: float) -> bool:
        """Queue what the letter was to write, as if it had just come; False where there is no such letter."""
        return await self._move(REPLAY, letter, now_s)

    async def drop(self, letter: str) -> bool:
        """Forget what the letter was to write; False where there is no such letter."""
        return await self._move(DROP, letter, 0.0)

    async def _move(self, script: str, letter: str, now_s: float) -> bool:
        hidden, _, crm = letter.partition(":")
        revision = await self._field(letter, "rev") or ""
        job = message_of(Job(hidden, crm, revision, 0, now_s))
        keys = (self._keys.dead, self._pending(letter), self._keys.jobs)
        return bool(await self._store.run(self._store.client.eval(script, 3, *keys, letter, crm, revision, job)))

    async def _field(self, letter: str, name: str) -> str | None:
        """One of the fields of what the letter was to write."""
        crm = letter.partition(":")[2]
        found: Any = await self._store.run(self._store.client.hget(self._pending(letter), f"{name}:{crm}"))
        return None if found is None else found.decode()

    def _pending(self, letter: str) -> str:
        return self._keys.keys_of(letter.partition(":")[0]).write_back


_DEAD = """
local letter, crm, revision, job = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('ZREM', KEYS[1], letter) == 0 then return 0 end
if redis.call('HEXISTS', KEYS[2], 'why:' .. crm) == 0 then return 0 end
if redis.call('HGET', KEYS[2], 'rev:' .. crm) ~= revision then return 0 end
redis.call('HDEL', KEYS[2], 'why:' .. crm)
"""
REPLAY = (
    _DEAD
    + """
redis.call('XADD', KEYS[3], '*', 'data', job)
return 1
"""
)
DROP = (
    _DEAD
    + """
redis.call('HDEL', KEYS[2], 'rev:' .. crm, 'record:' .. crm, 'fetch:' .. crm)
if redis.call('HLEN', KEYS[2]) == 1 then redis.call('DEL', KEYS[2]) end
return 1
"""
)
"""KEYS: dead letters, the person's pending write-backs, jobs. ARGV: letter, CRM, revision, job. A letter that a newer
event has overtaken is none any more."""


class Told(msgspec.Struct, frozen=True):
    """What a command has to say, and whether it did all that it was asked to."""

    lines: list[str]
    complete: bool = True


def command(settings: Settings, what: str, letter: str | None) -> Told:
    """`dead-letters list | replay | drop`; no letter means all.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    return asyncio.run(_command(settings, what, letter))


async def _command(settings: Settings, what: str, letter: str | None) -> Told:
    store = DurableStore(settings.redis_url or "", 1)
    letters = DeadLetters(store, Keyspace(settings.tenant, settings.id_secret or ""))
    try:
        if what == "list":
            return Told([msgspec.json.encode(each).decode() for each in await letters.all()])
        which = [each.id for each in await letters.all()] if letter is None else [letter]
        done = [await (letters.replay(each, time.time()) if what == "replay" else letters.drop(each)) for each in which]
    finally:
        await store.close()
    return Told([f"{what}: {sum(done)} of {len(done)}"], all(done))
