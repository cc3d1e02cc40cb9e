"""Taking events in: each is claimed, applied and queued in one step, then scored; a repeat gets the same answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from models.assess import Assessor
from models.contract import Contract, Scalar
from service.answers import Answer, Style
from service.crm.account import Account
from service.crm.interface import Event
from service.crm.mapping import changes
from service.durable import DurableStore
from service.errors import StoreUnavailable
from service.features import CHUNK
from service.metrics import Metrics
from service.scoring import Scoring, checked
from service.webhooks.intake_script import INTAKE, TELL
from service.webhooks.job import Job, message_of
from service.webhooks.keyspace import Keyspace
from service.wire import ScoreRequest

Status = Literal["scored", "queued", "stale", "no_consent", "erased"]

_json = msgspec.json.Encoder()


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of an event.

    status: scored now; queued until the rest of the record is fetched; stale, where newer values are known of all that
        it tells; or why the prospect must not be scored.
    refused: the CRM's fields whose values the contract does not take.
    """

    prospect_id: str
    status: Status
    refused: list[str] = []
    assessment: Answer | None = None


class Life(msgspec.Struct, frozen=True):
    """How long features, write-backs that wait, and claims are kept."""

    features_ms: int
    pending_ms: int
    claims_s: int


class Intake:
    """Takes events in; where the store does not answer nothing is acknowledged, so that the CRM sends again.

    Args:
        store: where everything lies.
        keys: under which names.
        scoring: scores what is known.
        erase: forgets a person.
        life: how long things are kept.
        metrics: where outcomes are counted.
    """

    def __init__(
        self,
        store: DurableStore,
        keys: Keyspace,
        scoring: Scoring,
        erase: Callable[[str, datetime], Awaitable[None]],
        life: Life,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._keys = keys
        self._scoring = scoring
        self._erase = erase
        self._life = life
        self._metrics = metrics

    async def take(
        self, account: Account, events: Sequence[Event], assessor: Assessor, now: datetime
    ) -> list[msgspec.Raw]:
        """The outcome of each event as JSON, in their order; all that they change is on disk by then.

        Raises:
            StoreUnavailable: the events may have been taken or not; sent again, they have no second effect.
        """
        for event in events:
            if event.erase:
                await self._erase(event.prospect_id, now)
        taken = await self._claim(account, [event for event in events if not event.erase], assessor.contract, now)
        told = iter(await self._tell(taken, await self._score(assessor, account, taken, now)))
        outcomes = [_erased(event) if event.erase else next(told) for event in events]
        return [msgspec.Raw(outcome) for outcome in outcomes]

    async def _claim(
        self, account: Account, events: Sequence[Event], contract: Contract, now: datetime
    ) -> list[_Taken]:
        """Have each event claimed, applied and queued; on disk."""
        pipeline = self._store.client.pipeline(transaction=False)
        at = now.timestamp()
        claims: list[tuple[str, list[str]]] = []
        for event in events:
            hidden, digest = self._keys.hidden(event.prospect_id), self._keys.digest(account.crm, event.key)
            change, revision = changes(account, contract, event.fields), new_revision()
            claim, person = self._keys.claim + digest, self._keys.keys_of(hidden)
            claims.append((claim, change.refused))
            pipeline.eval(
                INTAKE,
                6,
                person.features,
                person.vector,
                claim,
                person.claims,
                person.write_back,
                self._keys.jobs,
                repr(at),
                repr(event.occurred_at),
                self._life.features_ms,
                self._life.claims_s,
                digest,
                revision,
                account.crm,
                event.prospect_id,
                event.record,
                message_of(Job(hidden, account.crm, revision, 0, at)),
                int(bool(account.api_url)),
                int(bool(event.fields)),
                int(_partial(account, event)),
                self._life.pending_ms,
                *named_values(change.features),
            )
        found = await self._store.written(pipeline) if events else []
        taken = []
        for event, (claim, refused), (status, *before) in zip(events, claims, found, strict=True):
            taken.append(_Taken(event, claim, refused, status.decode(), before[0] if before else None))
            self._metrics.webhook_event(account.crm, status.decode())
        return taken

    async def _score(
        self, assessor: Assessor, account: Account, taken: Sequence[_Taken], now: datetime
    ) -> Mapping[str, Answer]:
        """The assessment of each prospect that is to be scored now.

        Who cannot be, as the store has become slow, is left to the worker: the job is queued. Some CRMs drop a webhook
        that fails a few times.

        Raises:
            StoreUnavailable: there is no such job.
        """
        scored: dict[str, Answer] = {}
        style = Style(account.language)
        ids = list({each.event.prospect_id: None for each in taken if each.status == "scored"})
        for start in range(0, len(ids), CHUNK):
            asked = [checked(assessor, ScoreRequest(each), style) for each in ids[start : start + CHUNK]]
            for answer in await self._scoring.score(assessor, asked, now):
                if answer.degraded_because != "store_unavailable":
                    scored[answer.prospect_id] = answer
                elif not account.api_url:
                    raise StoreUnavailable("the store does not answer")
        return scored

    async def _tell(self, taken: Sequence[_Taken], scored: Mapping[str, Answer]) -> list[bytes]:
        """The outcomes; a new one is kept under its claim, where the first tells all others the same."""
        pipeline = self._store.client.pipeline(transaction=False)
        outcomes: list[bytes] = []
        new: list[int] = []
        for place, each in enumerate(taken):
            if each.told is not None:
                outcomes.append(each.told)
                continue
            outcomes.append(_json.encode(_outcome(each, scored)))
            if each.status not in _BARS:
                new.append(place)
                pipeline.eval(TELL, 1, each.claim, outcomes[place])
        kept = await self._store.run(pipeline.execute()) if new else []
        for place, outcome in zip(new, kept, strict=True):
            outcomes[place] = outcome or _erased(taken[place].event)
        return outcomes


class _Taken(msgspec.Struct, frozen=True):
    """An event that the store has: its claim, what is to be made of it, and what it was answered before, if it was."""

    event: Event
    claim: str
    refused: list[str]
    status: Any
    told: bytes | None


_BARS = ("no_consent", "erased")


def _outcome(taken: _Taken, scored: Mapping[str, Answer]) -> Outcome:
    who = taken.event.prospect_id
    if taken.status != "scored":
        return Outcome(who, taken.status, taken.refused)
    answer = scored.get(who)
    return Outcome(who, "scored" if answer else "queued", taken.refused, answer)


def _erased(event: Event) -> bytes:
    return _json.encode(Outcome(event.prospect_id, "erased"))


def new_revision() -> str:
    """A new one for every change: a counter would start again after an erasure."""
    return secrets.token_hex(8)


def named_values(features: Mapping[str, Scalar]) -> list[bytes | str]:
    """Name and value as JSON, empty where it is missing, of each feature: what the scripts take."""
    flat: list[bytes | str] = []
    for name, value in features.items():
        flat += (name, b"" if value is None else _json.encode(value))
    return flat


def _partial(account: Account, event: Event) -> bool:
    """Whether the record may have more features than the event tells."""
    return not event.fields or any(field not in event.fields for field in account.fields)
