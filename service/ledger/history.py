"""The history of one prospect: assessments, decisions and outcomes, newest first."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from service.ledger.database import Database
from service.ledger.records import Event, Kind, Place
from service.ledger.tables import assessments, decisions, outcomes

PAGE = 500


class _Source(NamedTuple):
    """A table of events: which column tells an event's time, and which its id."""

    kind: Kind
    at_ms: sa.Column[Any]
    id: sa.Column[Any]
    all: sa.Select[Any]


_SOURCES = (
    _Source("assessment", assessments.c.scored_ms, assessments.c.decision_id, sa.select(assessments)),
    _Source("decision", decisions.c.decided_ms, decisions.c.id, sa.select(decisions).join(assessments)),
    _Source("outcome", outcomes.c.at_ms, outcomes.c.id, sa.select(outcomes)),
)
_HIDDEN = {"id", "tenant", "subject", "content", "idempotency_key", "erased"}
"""Columns that say nothing of the prospect."""


class History:
    """Reads histories."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    async def page(self, subject: str, limit: int, before: Place | None = None) -> list[Event]:
        """At most `limit` events, newest first, those that come after `before`."""
        events: list[Event] = []
        async with self._database.reading() as connection:
            for source in _SOURCES:
                table = outcomes if source.kind == "outcome" else assessments
                found = await connection.execute(
                    source.all.where(table.c.tenant == self._tenant, table.c.subject == subject, _after(source, before))
                    .order_by(source.at_ms.desc(), source.id.desc())
                    .limit(limit)
                )
                events += [_event(source, dict(row)) for row in found.mappings().all()]
        return sorted(events, key=place_of, reverse=True)[:limit]

    async def all(self, subject: str) -> list[Event]:
        """Every event, newest first."""
        events: list[Event] = []
        while more := await self.page(subject, PAGE, place_of(events[-1]) if events else None):
            events += more
        return events


def place_of(event: Event) -> Place:
    """Where to go on after `event`."""
    return Place(event.at_ms, event.kind, event.id)


def _after(source: _Source, before: Place | None) -> sa.ColumnElement[bool]:
    if before is None:
        return sa.true()
    if source.kind != before.kind:
        return source.at_ms <= before.at_ms if source.kind < before.kind else source.at_ms < before.at_ms
    last = before.id if source.kind == "assessment" else int(before.id)
    return (source.at_ms < before.at_ms) | ((source.at_ms == before.at_ms) & (source.id < last))


def _event(source: _Source, row: dict[str, Any]) -> Event:
    own = row[source.id.name]
    shown = own if isinstance(own, str) else f"{own:019d}"  # sorts as text as it does as a number
    return Event(source.kind, row[source.at_ms.name], shown, {name: row[name] for name in row if name not in _HIDDEN})
