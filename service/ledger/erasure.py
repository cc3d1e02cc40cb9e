"""Erasure and expiry: what the ledger lets go of, when a person asks for it or its time is over."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.ledger.database import Database
from service.ledger.tables import assessments, decisions, outcomes

CHUNK = 1000
"""Rows that are deleted in one transaction: nobody waits longer than a moment for his turn."""


async def pseudonymise(connection: AsyncConnection, tenant: str, subject: str) -> None:
    """Leave of a person's rows what counts cases, and nothing that leads back to the person.

    The rows stay together under a new random subject; features, values in reasons and what reps wrote are gone.
    """
    theirs = (assessments.c.tenant == tenant) & (assessments.c.subject == subject)
    anyone = secrets.token_hex(16)
    found = await connection.execute(sa.select(assessments.c.decision_id, assessments.c.reasons).where(theirs))
    bare = [
        {"of": row.decision_id, "bare": [{**reason, "value": None} for reason in row.reasons]} for row in found.all()
    ]
    if bare:
        await connection.execute(
            sa.update(assessments)
            .where(assessments.c.decision_id == sa.bindparam("of"))
            .values(subject=anyone, features=None, reasons=sa.bindparam("bare"), erased=True),
            bare,
        )
        # Only now: a decision that was being made meanwhile held the assessment's row.
        ids = sa.select(assessments.c.decision_id).where(
            (assessments.c.tenant == tenant) & (assessments.c.subject == anyone)
        )
        await connection.execute(sa.update(decisions).where(decisions.c.decision_id.in_(ids)).values(reason=None))
    of_theirs = (outcomes.c.tenant == tenant) & (outcomes.c.subject == subject)
    kept = await connection.execute(sa.select(outcomes.c.id).where(of_theirs))
    for row in kept.all():
        await connection.execute(
            sa.update(outcomes)
            .where(outcomes.c.id == row.id)
            .values(subject=anyone, content=secrets.token_hex(32))  # a digest of what was said of the person
        )


async def expire(database: Database, tenant: str, before_ms: int) -> int:
    """Delete rows of before `before_ms`; how many. An assessment that a later decision rests on stays with it."""
    rests = sa.select(decisions.c.id).where(decisions.c.decision_id == assessments.c.decision_id)
    old_decisions = (decisions.c.tenant == tenant) & (decisions.c.decided_ms < before_ms)
    old_outcomes = (outcomes.c.tenant == tenant) & (outcomes.c.recorded_ms < before_ms)
    old_assessments = (assessments.c.tenant == tenant) & (assessments.c.scored_ms < before_ms) & ~rests.exists()
    gone = await _deleted(database, decisions.c.id, old_decisions)
    gone += await _deleted(database, outcomes.c.id, old_outcomes)
    return gone + await _deleted(database, assessments.c.decision_id, old_assessments)


async def _deleted(database: Database, key: sa.Column[Any], old: sa.ColumnElement[bool]) -> int:
    total = 0
    while True:
        some = sa.select(key).where(old).limit(CHUNK)
        async with database.writing() as connection:
            gone = (await connection.execute(sa.delete(key.table).where(key.in_(some)))).rowcount
        total += gone
        if gone < CHUNK:
            return total
