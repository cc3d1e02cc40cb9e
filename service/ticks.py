"""Requests that arrive together are scored together: one round trip to the store and one model run for all of them.

Together means in one turn of the event loop, or while others are being scored: most of what a run costs, it costs for
one as for sixteen. A lone request goes at the end of the turn in which it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from models.assess import Assessor
from service.answers import Answer
from service.features import CHUNK
from service.scoring import Asked, Scoring

Member = tuple[Asked, asyncio.Future[Answer]]


PATIENCE_S = 0.002
"""Who came while others are scored waits for them no longer: they may be waiting for a slow store."""


class Ticks:
    """Gathers what is asked until it can be scored.

    Args:
        scoring: scores what was gathered.
        now: the time that answers are given.
    """

    def __init__(self, scoring: Scoring, now: Callable[[], datetime]) -> None:
        self._scoring = scoring
        self._now = now
        self._gathered: dict[Assessor, list[Member]] = {}
        self._scored: set[asyncio.Task[None]] = set()

    def join(self, assessor: Assessor, asked: Asked) -> asyncio.Future[Answer]:
        """The answer to a prospect that `assessor` has checked."""
        loop = asyncio.get_running_loop()
        if not self._gathered:
            if self._scored:
                loop.call_later(PATIENCE_S, self._go)
            else:
                loop.call_soon(self._go)
        answer: asyncio.Future[Answer] = loop.create_future()
        self._gathered.setdefault(assessor, []).append((asked, answer))
        return answer

    def _go(self) -> None:
        gathered, self._gathered = self._gathered, {}
        for assessor, members in gathered.items():
            for start in range(0, len(members), CHUNK):
                task = asyncio.create_task(self._score(assessor, members[start : start + CHUNK]))
                self._scored.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._scored.discard(task)
        if not self._scored:
            self._go()

    async def _score(self, assessor: Assessor, members: list[Member]) -> None:
        """Answer every member who still waits; what fails together is tried alone, so that none fails the others."""
        members = [member for member in members if not member[1].done()]
        if not members:
            return
        try:
            answers = await self._scoring.score(assessor, [asked for asked, _ in members], self._now())
        except Exception as error:  # noqa: BLE001 - raised again where the answer is awaited
            if len(members) > 1:
                for member in members:
                    await self._score(assessor, [member])
            elif not members[0][1].done():
                members[0][1].set_exception(error)
            return
        for (_, waiting), answer in zip(members, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
