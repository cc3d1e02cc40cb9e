"""Requests that arrive in one turn of the event loop are scored together: one round trip to the store, one model run.

Nobody waits for others: a lone request goes at the end of the turn in which it came.
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


class Ticks:
    """Gathers what is asked in one turn of the event loop.

    Args:
        scoring: scores what was gathered.
        now: the time that answers are given.
    """

    def __init__(self, scoring: Scoring, now: Callable[[], datetime]) -> None:
        self._scoring = scoring
        self._now = now
        self._gathered: dict[Assessor, list[Member]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def join(self, assessor: Assessor, asked: Asked) -> asyncio.Future[Answer]:
        """The answer to a prospect that `assessor` has checked."""
        loop = asyncio.get_running_loop()
        if not self._gathered:
            loop.call_soon(self._go)
        answer: asyncio.Future[Answer] = loop.create_future()
        self._gathered.setdefault(assessor, []).append((asked, answer))
        return answer

    def _go(self) -> None:
        gathered, self._gathered = self._gathered, {}
        for assessor, members in gathered.items():
            for start in range(0, len(members), CHUNK):
                task = asyncio.create_task(self._score(assessor, members[start : start + CHUNK]))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

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
