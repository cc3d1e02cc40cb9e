"""Outcomes: what became of a prospect, told once or more often, kept once."""

from __future__ import annotations

import hashlib

import msgspec

from service.ledger.database import Database, is_new
from service.ledger.records import Outcome
from service.ledger.tables import outcomes


class Outcomes:
    """The outcomes of a company's prospects."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    async def add(self, subject: str, outcome: Outcome, now_ms: int) -> bool:
        """Keep what became of a prospect; whether it was news.

        Raises:
            LedgerUnavailable: it may be on disk or not; say it again.
        """
        content = hashlib.sha256(msgspec.json.encode((subject, outcome))).hexdigest()
        row = {
            "tenant": self._tenant,
            "subject": subject,
            "recorded_ms": now_ms,
            "content": content,
            **msgspec.structs.asdict(outcome),
        }
        async with self._database.writing() as connection:
            return await is_new(connection, outcomes, row)
