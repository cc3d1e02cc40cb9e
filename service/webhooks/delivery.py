"""One write-back, from the job to the CRM: fetch what is not known, score what is stored now, write, settle.

Whoever writes for a person holds that person's lock from before the score until after the write. So of two workers the
later one to write is the later one to score, and no older assessment overwrites a newer one. A worker that dies leaves
its lock to expire, and its job to whoever tends the queue; a job is cut off well before its lock expires.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx
import msgspec
import structlog

from models.assess import Assessor
from service.answers import Answer, Style
from service.crm.account import Account, Name
from service.crm.interface import Crm
from service.crm.mapping import changes
from service.durable import DurableStore
from service.errors import NoModel, Rejected, StoreUnavailable, TryAgain
from service.metrics import Metrics
from service.observe import log_failure
from service.scoring import Scoring, checked
from service.webhooks.delivery_script import BURY, LATER, SETTLE, TAKE
from service.webhooks.intake import Life, named_values, new_revision
from service.webhooks.intake_script import FETCHED
from service.webhooks.job import Job, message_of
from service.webhooks.keyspace import Keyspace
from service.webhooks.retries import Patience, try_again_at
from service.webhooks.writeback import fields_of
from service.wire import ScoreRequest

log = structlog.get_logger()

BUSY_S = 0.2
"""Before a job looks again whether another worker has finished with its person."""

MARGIN = 1.5
"""A lock and a job's claim on the queue outlive the time that a job may take by half of it."""


class Connected(msgspec.Struct, frozen=True):
    """An account, its CRM's module, and a client that speaks to its interface."""

    account: Account
    crm: Crm
    client: httpx.AsyncClient


class Terms(msgspec.Struct, frozen=True):
    """How long one try may take, how often it is made, and how long things are kept."""

    try_s: float
    patience: Patience
    life: Life


class _Taken(msgspec.Struct, frozen=True):
    token: str
    prospect_id: str
    record: str
    fetch: bool


class Delivery:
    """Does jobs; one that returns is done with, in whatever way, and one that raises is to be given to a worker again.

    Args:
        store: where everything lies.
        keys: under which names.
        scoring: scores what is stored.
        connected: the CRMs.
        terms: times and limits.
        metrics: where what comes of jobs is counted.
        assessor: what serves now.
    """

    def __init__(
        self,
        store: DurableStore,
        keys: Keyspace,
        scoring: Scoring,
        connected: Mapping[Name, Connected],
        terms: Terms,
        metrics: Metrics,
        assessor: Callable[[], Assessor],
    ) -> None:
        self._store = store
        self._keys = keys
        self._scoring = scoring
        self._connected = connected
        self._terms = terms
        self._metrics = metrics
        self._assessor = assessor
        self._draw = random.Random().random  # noqa: S311 - spreads retries, guards nothing

    async def deliver(self, job: Job, clock: Callable[[], datetime]) -> None:
        """Do one job.

        Raises:
            StoreUnavailable: the store does not answer; nothing is lost, as the job was not acknowledged.
        """
        token = secrets.token_hex(8)
        outcome, *found = await self._script(
            TAKE,
            (self._keys.keys_of(job.hidden).vector, self._keys.paused(job.crm)),
            (job.crm, job.revision, token, int(self._terms.try_s * MARGIN * 1000)),
            job,
        )
        if outcome == b"taken":
            prospect_id, record, fetch = found
            taken = _Taken(token, prospect_id.decode(), record.decode(), fetch == b"1")
            outcome = await self._attempt(job, taken, clock)
        elif outcome in (b"paused", b"busy"):
            wait_s = found[0] / 1000 * (1 + self._draw()) if found else BUSY_S
            await self._later(job, token, clock().timestamp() + wait_s)
        self._metrics.write_back(job.crm, outcome.decode())

    async def _attempt(self, job: Job, taken: _Taken, clock: Callable[[], datetime]) -> bytes:
        after_s: float | None = None
        try:
            async with asyncio.timeout(self._terms.try_s):
                await self._write(job, taken, clock())
        except Rejected as error:
            return await self._bury(job, taken.token, str(error), clock())
        except (TryAgain, TimeoutError, NoModel) as error:
            why = str(error) or type(error).__name__
            after_s = getattr(error, "after_s", None)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not take the worker with it
            log_failure(error)
            why = type(error).__name__
        else:
            await self._script(SETTLE, (self._keys.dead,), (job.crm, job.revision, taken.token, job.letter), job)
            return b"done"
        now_s = clock().timestamp()
        at = try_again_at(job, self._terms.patience, now_s, after_s, self._draw())
        if at is None:
            return await self._bury(job, taken.token, why, clock())
        await self._later(msgspec.structs.replace(job, attempt=job.attempt + 1), taken.token, at, after_s or 0.0)
        return b"later"

    async def _write(self, job: Job, taken: _Taken, now: datetime) -> None:
        connected = self._connected.get(job.crm)
        if connected is None:
            raise TryAgain("this CRM is not configured")
        assessor = self._assessor()
        account = connected.account
        if taken.fetch and not await self._fetch(job, taken, connected, assessor, now):
            return
        answer = await self._score(assessor, taken.prospect_id, account, now)
        fields = fields_of(account, answer)
        if fields:
            await connected.crm.write(connected.client, account, taken.record, fields)

    async def _fetch(self, job: Job, taken: _Taken, connected: Connected, assessor: Assessor, now: datetime) -> bool:
        """Take over the record as the CRM has it; False where it has none any more."""
        found = await connected.crm.fetch(connected.client, connected.account, taken.record)
        if found is None:
            return False
        change = changes(connected.account, assessor.contract, found.fields)
        pipeline = self._store.client.pipeline(transaction=False)
        pipeline.eval(
            FETCHED,
            2,
            *self._keys.keys_of(job.hidden)[:2],
            repr(now.timestamp()),
            repr(found.as_of),
            self._terms.life.features_ms,
            new_revision(),
            *named_values(change.features),
        )
        await self._store.run(pipeline.execute())
        return True

    async def _score(self, assessor: Assessor, prospect_id: str, account: Account, now: datetime) -> Answer:
        asked = checked(assessor, ScoreRequest(prospect_id), Style(account.language))
        [answer] = await self._scoring.score(assessor, [asked], now)
        if answer.degraded_because == "store_unavailable":
            raise TryAgain("the store is slow")
        return answer

    async def _later(self, job: Job, token: str, at_s: float, pause_s: float = 0.0) -> None:
        keys = (self._keys.later, self._keys.paused(job.crm))
        await self._script(
            LATER, keys, (job.crm, job.revision, token, repr(at_s), message_of(job), int(pause_s * 1000)), job
        )

    async def _bury(self, job: Job, token: str, why: str, now: datetime) -> bytes:
        words = (job.crm, job.revision, token, why, repr(now.timestamp()), job.letter, self._terms.life.pending_ms)
        await self._script(BURY, (self._keys.dead,), words, job)
        log.warning("write_back.given_up", crm=job.crm, why=why, attempts=job.attempt + 1)
        return b"dead"

    async def _script(self, script: str, keys: tuple[str, ...], words: tuple[str | bytes | int, ...], job: Job) -> Any:
        whole = (self._keys.keys_of(job.hidden).write_back, self._keys.lock(job.hidden), *keys)
        return await self._store.run(self._store.client.eval(script, len(whole), *whole, *words))
