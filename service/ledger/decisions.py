"""Decisions: what reps did about assessments, each kept once, with the assessment it was made on."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import BadInput, Conflict, UnknownDecision
from service.ledger.database import Database, is_new
from service.ledger.keeping import Keeping
from service.ledger.records import Became, Decision, Row, Wanted
from service.ledger.tables import assessments, decisions, outcomes
from service.ledger.undrained import Undrained


class Decisions:
    """The decisions of a company's reps."""

    def __init__(self, database: Database, tenant: str, undrained: Undrained, keeping: Keeping) -> None:
        self._database = database
        self._tenant = tenant
        self._undrained = undrained
        self._keeping = keeping

    async def decide(self, decision: Decision, key: str, now_ms: int, subject: str | None = None) -> tuple[int, bool]:
        """Keep a decision; the time it was made, and whether it was made only now. It is on disk when this returns.

        Args:
            decision: what was decided.
            key: names the attempt: sent again, it is the same decision.
            now_ms: the time.
            subject: whose assessment it has to be, where the right to decide is of one prospect alone.

        Raises:
            UnknownDecision: there is no such assessment, or not of this subject.
            BadInput: a warning is overridden without a reason.
            Conflict: the key was used for another decision.
            LedgerUnavailable, StoreUnavailable: it may be on disk or not; send it again under the same key.
        """
        assessment = await self._assessment(decision.decision_id)
        if subject not in (None, assessment.subject):
            raise UnknownDecision("no assessment of this prospect has this decision id")
        if assessment.shown == "do_not_chase" and decision.choice == "proceeded" and not decision.reason:
            raise BadInput("$.reason", "expected a reason: this overrides a warning")
        row = {
            "tenant": self._tenant,
            "idempotency_key": key,
            "decided_ms": now_ms,
            **msgspec.structs.asdict(decision),
        }
        async with self._database.writing() as connection:
            locked = self._of(decision.decision_id).with_for_update(read=True)  # an erasure waits, or has gone before
            erased: bool = (await connection.execute(locked)).one().erased
            if erased:
                row["reason"] = None
            if not await is_new(connection, decisions, row):
                return await self._repeated(connection, decision, key, erased=erased), False
            return now_ms, True

    async def find(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Row]:
        """Decisions, newest first, `limit` at most, with ids below `before`."""
        conditions = [decisions.c.tenant == self._tenant, *_conditions(wanted)]
        if before is not None:
            conditions.append(decisions.c.id < before)
        async with self._database.reading() as connection:
            found = (
                (
                    await connection.execute(
                        sa.select(*_COLUMNS)
                        .join(assessments, assessments.c.decision_id == decisions.c.decision_id)
                        .where(*conditions)
                        .order_by(decisions.c.id.desc())
                        .limit(limit)
                    )
                )
                .mappings()
                .all()
            )
            became = await self._became(connection, {each["subject"] for each in found})
        return [_row(dict(each), became.get(each["subject"], [])) for each in found]

    async def held_out(self, wanted: Wanted) -> list[tuple[str, Became | None]]:
        """Of assessments in the time that is `wanted` whose warning was held back: subject, and the newest outcome."""
        conditions = [assessments.c.held_out, *self._scored_in(wanted)]
        async with self._database.reading() as connection:
            subjects = (await connection.scalars(sa.select(assessments.c.subject).where(*conditions).distinct())).all()
            became = await self._became(connection, set(subjects))
        return [(subject, became[subject][-1].outcome if subject in became else None) for subject in subjects]

    async def warned(self, wanted: Wanted) -> int:
        """Of how many people somebody was shown `do_not_chase` in the time that is `wanted`."""
        query = sa.select(sa.func.count(assessments.c.subject.distinct())).where(
            assessments.c.shown == "do_not_chase", *self._scored_in(wanted)
        )
        async with self._database.reading() as connection:
            found: int = (await connection.execute(query)).scalar_one()
        return found

    def _scored_in(self, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = [assessments.c.tenant == self._tenant]
        if wanted.since_ms is not None:
            conditions.append(assessments.c.scored_ms >= wanted.since_ms)
        if wanted.until_ms is not None:
            conditions.append(assessments.c.scored_ms < wanted.until_ms)
        return conditions

    async def _assessment(self, decision_id: str) -> sa.Row[*tuple[Any, ...]]:
        """What was shown, from the ledger, or from the stream into the ledger: a decision may come before the drain.

        Raises:
            UnknownDecision: it is in neither.
        """
        if (found := await self._in_ledger(decision_id)) is not None:
            return found
        if (waiting := await self._undrained.of_decision(decision_id)) is not None:
            await self._keeping.keep([waiting])
        if (found := await self._in_ledger(decision_id)) is not None:  # or it was drained in between
            return found
        raise UnknownDecision("no assessment has this decision id")

    async def _in_ledger(self, decision_id: str) -> sa.Row[*tuple[Any, ...]] | None:
        async with self._database.reading() as connection:
            found: sa.Row[*tuple[Any, ...]] | None = (await connection.execute(self._of(decision_id))).one_or_none()
            return found

    def _of(self, decision_id: str) -> sa.Select[Any]:
        """What matters of the assessment that is decided on."""
        return sa.select(assessments.c.subject, assessments.c.shown, assessments.c.erased).where(
            assessments.c.tenant == self._tenant, assessments.c.decision_id == decision_id
        )

    async def _repeated(self, connection: AsyncConnection, decision: Decision, key: str, *, erased: bool) -> int:
        found = (
            await connection.execute(
                sa.select(decisions).where(decisions.c.tenant == self._tenant, decisions.c.idempotency_key == key)
            )
        ).one()
        before = Decision(found.decision_id, found.choice, decision.reason if erased else found.reason, found.user)
        if before != decision:
            raise Conflict("this Idempotency-Key was sent with another decision")
        decided_ms: int = found.decided_ms
        return decided_ms

    async def _became(
        self, connection: AsyncConnection, subjects: set[str]
    ) -> dict[str, list[sa.Row[*tuple[Any, ...]]]]:
        """The outcomes of each subject, oldest first."""
        became: dict[str, list[sa.Row[*tuple[Any, ...]]]] = {}
        ordered = sorted(subjects)
        for start in range(0, len(ordered), _AT_ONCE):
            found = await connection.execute(
                sa.select(outcomes)
                .where(outcomes.c.tenant == self._tenant, outcomes.c.subject.in_(ordered[start : start + _AT_ONCE]))
                .order_by(outcomes.c.at_ms, outcomes.c.id)
            )
            for row in found.all():
                became.setdefault(row.subject, []).append(row)
        return became


_AT_ONCE = 500
"""Values in one IN: SQLite takes some thousands."""

_COLUMNS = (
    *(decisions.c.id, decisions.c.decision_id, decisions.c.choice, decisions.c.reason, decisions.c.user),
    *(decisions.c.decided_ms, assessments.c.subject, assessments.c.scored_ms, assessments.c.score),
    *(assessments.c.band, assessments.c.action, assessments.c.shown, assessments.c.held_out),
    *(assessments.c.propensity, assessments.c.rule, assessments.c.reasons, assessments.c.model),
    *(assessments.c.version, assessments.c.value),
)


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since_ms is not None:
        conditions.append(decisions.c.decided_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(decisions.c.decided_ms < wanted.until_ms)
    if wanted.user is not None:
        conditions.append(decisions.c.user == wanted.user)
    if wanted.choice is not None:
        conditions.append(decisions.c.choice == wanted.choice)
    return conditions


def _row(found: dict[str, Any], became: list[sa.Row[*tuple[Any, ...]]]) -> Row:
    """A decision beside the newest outcome that is not older than its assessment."""
    last = next((each for each in reversed(became) if each.at_ms >= found["scored_ms"]), None)
    value = found.pop("value")
    return Row(
        **found,
        **{name: value[name] for name in ("net_value", "pltv", "pltv_to_cpa", "currency")},
        outcome=last.outcome if last else None,
        outcome_ms=last.at_ms if last else None,
        outcome_value=last.value if last else None,
    )
