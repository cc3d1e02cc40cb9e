"""The open ledger: its database, and what is done with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from service.ledger.database import Database
from service.ledger.decisions import Decisions
from service.ledger.erasure import expire
from service.ledger.history import History
from service.ledger.keeping import Keeping
from service.ledger.outcomes import Outcomes
from service.ledger.undrained import Undrained
from service.settings import Settings


class Opened:
    """The parts of an open ledger.

    Args:
        settings: of the service.
        file: SQLite's, where the settings name no PostgreSQL.
    """

    def __init__(self, settings: Settings, file: Path) -> None:
        self._tenant = settings.tenant
        self.database = Database(settings.database_url, file)
        self.undrained = Undrained(settings.redis_url or "", settings.tenant)
        self.keeping = Keeping(self.database, settings.tenant, self.undrained, settings.registry)
        self.decisions = Decisions(self.database, settings.tenant, self.undrained, self.keeping)
        self.outcomes = Outcomes(self.database, settings.tenant)
        self.history = History(self.database, settings.tenant)

    async def expire(self, now: datetime, life: timedelta) -> int:
        """Delete rows that are older than `life`; how many."""
        return await expire(self.database, self._tenant, round((now - life).timestamp() * 1000))

    async def close(self) -> None:
        await self.undrained.close()
        await self.database.close()
