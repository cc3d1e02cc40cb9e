"""Taking events in: claim, change and queue each in one step, then score and answer, once and for all repeats the same."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from models.assess import Assessor
from models.contract import Scalar
from service.answers import Answer, Style
from service.crm.account import Account
from service.crm.interface import Event
from service.crm.mapping import Changes, changes
from service.errors import StoreUnavailable
from service.features import CHUNK
from service.metrics import Metrics
from service.scoring import Scoring, checked
from service.webhooks.durable import DurableStore
from service.webhooks.intake_script import INTAKE, TELL
from service.webhooks.job import Job, message_of
from service.webhooks.keyspace import Keyspace
from service.wire import ScoreRequest

CLAIM_S = 7 * 86_400
"""Life of a claim: CRMs send again for a day at most, and people replay by hand within a week."""

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
    """How long features and write-backs that wait are kept, in milliseconds."""

    features_ms: int
    pending_ms: int


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
        erase: Callable[[str], Awaitable[None]],
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
                await self._erase(event.prospect_id)
        found = [changes(account, assessor.contract, event.fields) for event in events]
        taken = await self._claim(account, events, found, now) if events else []
        to_score = [event.prospect_id for event, (status, *_) in zip(events, taken, strict=True) if status == b"scored"]
        scored = await self._score(assessor, list(dict.fromkeys(to_score)), Style(account.language), now)
        told: list[bytes | None] = []
        for event, change, (status, *before) in zip(events, found, taken, strict=True):
            self._metrics.webhook_event(account.crm, status.decode())
            if before:
                told.append(before[0])
            else:
                outcome = Outcome(
                    event.prospect_id,
                    status.decode(),  # type: ignore[arg-type]
                    change.refused,
                    scored.get(event.prospect_id) if status == b"scored" else None,
                )
                told.append(_json.encode(outcome))
        return await self._tell(account, events, taken, told)

    async def _claim(
        self, account: Account, events: Sequence[Event], found: Sequence[Changes], now: datetime
    ) -> list[list[bytes]]:
        pipeline = self._store.client.pipeline(transaction=False)
        at = now.timestamp()
        for event, change in zip(events, found, strict=True):
            hidden, digest = self._keys.hidden(event.prospect_id), self._keys.digest(account.crm, event.key)
            revision = new_revision()
            pipeline.eval(
                INTAKE,
                6,
                self._keys.features(hidden),
                self._keys.vector(hidden),
                self._keys.claim(digest),
                self._keys.claims(hidden),
                self._keys.pending(hidden),
                self._keys.jobs,
                repr(at),
                repr(event.occurred_at),
                self._life.features_ms,
                CLAIM_S,
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
        return await self._store.written(pipeline)

    async def _score(
        self, assessor: Assessor, ids: Sequence[str], style: Style, now: datetime
    ) -> Mapping[str, Answer]:
        scored: dict[str, Answer] = {}
        for start in range(0, len(ids), CHUNK):
            asked = [checked(assessor, ScoreRequest(each), style) for each in ids[start : start + CHUNK]]
            for answer in await self._scoring.score(assessor, asked, now):
                if answer.degraded_because == "store_unavailable":
                    raise StoreUnavailable("the store does not answer")
                scored[answer.prospect_id] = answer
        return scored

    async def _tell(
        self,
        account: Account,
        events: Sequence[Event],
        taken: Sequence[Sequence[bytes]],
        told: Sequence[bytes | None],
    ) -> list[msgspec.Raw]:
        """Keep each new outcome under its claim: who was first tells all others the same."""
        pipeline = self._store.client.pipeline(transaction=False)
        places = [place for place, (status, *_) in enumerate(taken) if status not in _UNCLAIMED]
        for place in places:
            digest = self._keys.digest(account.crm, events[place].key)
            pipeline.eval(TELL, 1, self._keys.claim(digest), told[place])
        final = list(told)
        if places:
            kept = await self._store.run(pipeline.execute())
            for place, outcome in zip(places, kept, strict=True):
                final[place] = outcome or _json.encode(Outcome(events[place].prospect_id, "erased"))
        return [msgspec.Raw(outcome) for outcome in final]


_UNCLAIMED = (b"told", b"no_consent", b"erased")


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
