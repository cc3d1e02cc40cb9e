"""The access report: everything that is kept of one person, and for how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from models.contract import Scalar
from service.consent import Consent, consent_of
from service.errors import UnknownProspect
from service.features import raw_of
from service.persons import PersonKeys, Persons
from service.scoring import rfc3339, written_at
from service.settings import Settings
from service.store import Store

Exporter = Callable[[str], Awaitable[object]]
"""What one place beside the store keeps of a person, given as `Persons.hidden` has them; None where nothing."""

_NO_KEY = -2
"""What PTTL says of a key that is not there."""


class TimedValue(msgspec.Struct, frozen=True):
    """A feature's value as it was sent, and of when it is, null where that was not kept."""

    value: Scalar
    as_of: str | None


class WebhookAnswer(msgspec.Struct, frozen=True):
    """What a CRM was answered to an event about the person, null while that is under way."""

    at: str
    answer: msgspec.Raw


class Kept(msgspec.Struct, frozen=True):
    """How long a kind of data is kept: days after its last change, and until when as it stands.

    Null is without end, as for a refusal, or until it is used, as what is to be written into a CRM.
    """

    days: int | None
    until: str | None


class AccessReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept of one person; `records` is what other places than the store keep, by their names."""

    prospect_id: str
    made_at: str
    features: dict[str, TimedValue]
    features_as_of: str | None
    consent: Consent | None
    webhook_answers: list[WebhookAnswer]
    write_back: dict[str, str] | None
    records: dict[str, Any]
    retention: dict[str, Kept]


class Access:
    """Makes access reports.

    Args:
        store: the connection.
        persons: names the keys.
        settings: how long what is kept.
        exporters: the other places, by the names that the report gives them.
    """

    def __init__(self, store: Store, persons: Persons, settings: Settings, exporters: Mapping[str, Exporter]) -> None:
        self._store = store
        self._persons = persons
        self._settings = settings
        self._exporters = exporters

    async def report(self, prospect_id: str, now: datetime) -> AccessReport:
        """The report on one person.

        Raises:
            UnknownProspect: nothing is kept of them.
            StoreUnavailable: the store does not answer in time.
        """
        keys = self._persons.keys(prospect_id)
        reading = self._store.client.pipeline(transaction=True)
        reading.get(keys.vector)
        reading.zrange(keys.claims, 0, -1, withscores=True)
        for key in (keys.features, keys.consent, keys.write_back):
            reading.hgetall(key)
        for key in keys:
            reading.pttl(key)
        vector, claims, fields, said, queued, *lives = await self._store.run(reading.execute())
        hidden = self._persons.hidden(prospect_id)
        records = {name: await export(hidden) for name, export in self._exporters.items()}
        records = {name: record for name, record in records.items() if record is not None}
        if not (vector or claims or fields or said or queued or records):
            raise UnknownProspect("nothing is kept of this prospect")
        raw, consent = raw_of(fields), consent_of(said, vector)
        return AccessReport(
            prospect_id=prospect_id,
            made_at=rfc3339(now),
            features=_timed(raw.features, fields) if raw else {},
            features_as_of=written_at(raw.as_of) if raw else None,
            consent=consent if consent.at or consent.not_scored_because else None,
            webhook_answers=await self._answers(claims),
            write_back={name.decode(): value.decode() for name, value in queued.items()} or None,
            records=records,
            retention=self._retention(dict(zip(PersonKeys._fields, lives, strict=True)), consent, now),
        )

    async def _answers(self, claims: Sequence[tuple[bytes, float]]) -> list[WebhookAnswer]:
        if not claims:
            return []
        found = await self._store.run(
            self._store.client.mget([self._persons.claim + digest.decode() for digest, _ in claims])
        )
        return [
            WebhookAnswer(written_at(at), msgspec.Raw(answer or b"null"))
            for (_, at), answer in zip(claims, found, strict=True)
            if answer is not None
        ]

    def _retention(self, lives_ms: Mapping[str, int], consent: Consent, now: datetime) -> dict[str, Kept]:
        """By kind of data that there is, as `PersonKeys` names them; `lives_ms` is as the store tells it."""
        settings = self._settings
        said_days = None if consent.granted is False else settings.tombstone_days
        days = {
            "features": settings.features_ttl_days,
            "vector": said_days if consent.not_scored_because else settings.features_ttl_days,
            "consent": said_days,
            "claims": settings.answers_ttl_days,
        }
        return {
            kind: Kept(days.get(kind), rfc3339(now + timedelta(milliseconds=life)) if life >= 0 else None)
            for kind, life in lives_ms.items()
            if life != _NO_KEY
        }


def _timed(features: Mapping[str, Scalar], fields: Mapping[bytes, bytes]) -> dict[str, TimedValue]:
    """Each feature with its own time, or that of the last write of all."""
    put = fields.get(b"@put")
    times = {name: fields.get(b"~" + name.encode(), put) for name in features}
    return {
        name: TimedValue(value, None if (at := times[name]) is None else written_at(float(at)))
        for name, value in features.items()
    }
