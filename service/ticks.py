"""Requests that arrive together are scored together: one round trip to the store and one model run for all of them.

Together means in one turn of the event loop, or while others are being scored and answered: most of what a run costs,
it costs for one as for sixteen. A lone request goes at the end of the turn in which it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from models.assess import Assessor
from service.admission import Admission
from service.answers import Answer
from service.errors import Overloaded
from service.features import CHUNK
from service.scoring import Asked, Scoring


class Member(NamedTuple):
    """Who waits for an answer, and since when, in seconds of the event loop's clock."""

    asked: Asked
    answer: asyncio.Future[Answer]
    since_s: float


PATIENCE_S = 0.002
"""Who came while others are scored waits for them no longer: they may be waiting for a slow store."""

TURNS = 2
"""Turns of the event loop from the end of a run to the next: in the first its answers go out, in the others those who
ask again at once are read, so that more of them share it."""


class Ticks:
    """Gathers what is asked until it can be scored.

    Args:
        scoring: scores what was gathered.
        now: the time that answers are given.
        deadline_s: who has waited so long for a turn is refused.
        admission: is told how many were gathered.
    """

    def __init__(self, scoring: Scoring, now: Callable[[], datetime], deadline_s: float, admission: Admission) -> None:
        self._scoring = scoring
        self._now = now
        self._deadline_s = deadline_s
        self._admission = admission
        self._gathered: dict[Assessor, list[Member]] = {}
        self._scored: set[asyncio.Task[None]] = set()
        self._free = True
        self._due: asyncio.Handle | None = None

    def join(self, assessor: Assessor, asked: Asked) -> asyncio.Future[Answer]:
        """The answer to a prospect that `assessor` has checked."""
        loop = asyncio.get_running_loop()
        if not self._gathered:
            self._due = loop.call_soon(self._go) if self._free else loop.call_later(PATIENCE_S, self._go)
        answer: asyncio.Future[Answer] = loop.create_future()
        self._gathered.setdefault(assessor, []).append(Member(asked, answer, loop.time()))
        return answer

    def _go(self) -> None:
        if self._due is not None:
            self._due.cancel()  # who is gathered from now on has a patience of their own
            self._due = None
        gathered, self._gathered = self._gathered, {}
        self._free = self._free and not gathered
        if gathered:
            self._admission.ran(sum(map(len, gathered.values())), asyncio.get_running_loop().time())
        for assessor, members in gathered.items():
            for start in range(0, len(members), CHUNK):
                task = asyncio.create_task(self._score(assessor, members[start : start + CHUNK]))
                self._scored.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._scored.discard(task)
        self._rest(TURNS)

    def _rest(self, turns: int) -> None:
        if self._scored:
            return
        if turns:
            asyncio.get_running_loop().call_soon(self._rest, turns - 1)
        else:
            self._free = True
            self._go()

    async def _score(self, assessor: Assessor, members: list[Member]) -> None:
        """Answer every member who still waits; what fails together is tried alone, so that none fails the others."""
        members = self._in_time(members)
        if not members:
            return
        try:
            answers = await self._scoring.score(assessor, [member.asked for member in members], self._now())
        except Exception as error:  # noqa: BLE001 - raised again where the answer is awaited
            if len(members) > 1:
                for member in members:
                    await self._score(assessor, [member])
            elif not members[0].answer.done():
                members[0].answer.set_exception(error)
            return
        for member, answer in zip(members, answers, strict=True):
            if not member.answer.done():
                member.answer.set_result(answer)

    def _in_time(self, members: list[Member]) -> list[Member]:
        """Those who still wait; who has waited too long is told so: its client has given up, or will."""
        waiting = [member for member in members if not member.answer.done()]
        earliest_s = asyncio.get_running_loop().time() - self._deadline_s
        for member in waiting:
            if member.since_s < earliest_s:
                member.answer.set_exception(Overloaded("the request has waited too long for its turn"))
        return [member for member in waiting if not member.answer.done()]
