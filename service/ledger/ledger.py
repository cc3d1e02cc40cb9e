"""The ledger as the service holds it: nothing of SQL is loaded before the first who needs it."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from service.ledger.records import Event
from service.settings import Settings

if TYPE_CHECKING:
    from service.ledger.opened import Opened

FILE = "ledger.sqlite3"
"""In the data folder."""


class Ledger:
    """Opened when first needed: SQLAlchemy takes half a second and 30 MB, which a worker that only scores can spare."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._opened: Opened | None = None

    async def opened(self) -> Opened:
        """The ledger, its tables up to date.

        Raises:
            LedgerUnavailable: its database cannot be reached, or is of another version.
        """
        async with self._opening:
            if self._opened is None:
                module: Any = await asyncio.to_thread(importlib.import_module, "service.ledger.opened")
                opened: Opened = module.Opened(self._settings, self._settings.data / FILE)
                try:
                    await opened.database.migrate()
                except BaseException:
                    await opened.close()
                    raise
                self._opened = opened
            return self._opened

    async def erase(self, subject: str) -> None:
        """Take a person out; the person's mark is in the store already.

        Raises:
            LedgerUnavailable, StoreUnavailable: to be asked again.
        """
        await (await self.opened()).keeping.erase(subject)

    async def export(self, subject: str) -> list[Event] | None:
        """All that the ledger holds of a person, for an access report; None where that is nothing.

        Raises:
            LedgerUnavailable: to be asked again.
        """
        return await (await self.opened()).history.all(subject) or None

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
