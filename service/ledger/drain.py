"""The drain: moves assessments from the store into the ledger, as fast as they come, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from service.errors import ServiceError
from service.resources import Resources

if TYPE_CHECKING:
    from service.ledger.opened import Opened
    from service.ledger.undrained import Waiting

log = structlog.get_logger()

RUNS = 32
"""Runs of a batch: some 32 assessments in quiet hours, 2,048 under load, in one transaction."""

WAIT_MS = 500
"""For the next run, when there is none: how long a stop may take."""

LEFT_S = 30.0
"""Whoever has taken a run and not settled it for so long is dead."""

PAUSE_S = (0.1, 5.0)
"""After a failure: the first, doubling up to the second."""

EXPIRE_S = 3600.0
"""Between looks for rows whose time is over."""


async def drain(resources: Resources, stop: asyncio.Event) -> None:
    """Drain until `stop` is set.

    Several processes may. Ledger and store may be down meanwhile: nothing is taken out before it is on disk.
    """
    await _Drain(resources).run(stop)


class _Drain:
    """One consumer of the stream."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._held: Sequence[Waiting] = []
        self._prepared = False
        self._looked_s = self._expired_s = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        pause_s = PAUSE_S[0]
        while not stop.is_set():
            try:
                await self._turn(await self._resources.ledger.opened())
                pause_s = PAUSE_S[0]
            except ServiceError as error:
                self._prepared = False  # a store that has lost its files has lost the group
                log.warning("ledger.drain_waits", why=str(error), pause_s=pause_s)
                await _pause(stop, pause_s)
                pause_s = min(PAUSE_S[1], 2 * pause_s)
        if self._prepared:
            await (await self._resources.ledger.opened()).undrained.leave(self._name)

    async def _turn(self, opened: Opened) -> None:
        """Keep what was taken before, or was left behind, or comes next."""
        undrained = opened.undrained
        if not self._prepared:
            await undrained.prepare()
            self._prepared = True
        if not self._held and time.monotonic() - self._looked_s > LEFT_S:
            self._held = await undrained.left_behind(self._name, RUNS, int(LEFT_S * 1000))
            if not self._held:
                self._looked_s = time.monotonic()
        if not self._held:
            self._held = await undrained.next(self._name, RUNS, WAIT_MS)
        if self._held:
            await _keep(opened, self._held)
            self._held = []
        elif time.monotonic() - self._expired_s > EXPIRE_S:
            await opened.expire(self._resources.now(), timedelta(days=self._resources.settings.ledger_days))
            self._expired_s = time.monotonic()


async def _keep(opened: Opened, held: Sequence[Waiting]) -> None:
    """Keep runs together; where that fails, alone, so that one which the ledger refuses holds up no other."""
    try:
        await opened.keeping.keep(held)
    except ServiceError:
        raise
    except Exception as error:  # noqa: BLE001 - a run that cannot be kept must not stop the others
        if len(held) == 1:  # it stays in the stream, for whoever has mended what is wrong
            log.error("ledger.refused_run", entry=held[0].entry.decode(), kind=type(error).__name__)  # noqa: TRY400
            return
        for each in held:
            await _keep(opened, [each])


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
