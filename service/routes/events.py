"""`GET /v1/prospects/{id}/events`: the assessment of a prospect, and a new one whenever it changes, as it happens.

Each comes as two server-sent events: `assessment` is the answer of `POST /v1/score`, `card` what a pop-up shows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from models.assess import Assessor
from service.answers import Answer, Style
from service.errors import ServiceError
from service.http import HttpRequest, style_of
from service.live_events import Listener
from service.popup.access import may_read
from service.popup.view import card_of
from service.resources import Resources, resources_of
from service.routes.features import ID_PATH
from service.scoring import checked
from service.wire import ScoreRequest, url_id

HEARTBEAT_S = 15.0
"""Half of what the most impatient proxies give a connection that says nothing."""

FIRST_S = 0.25
"""How long a store may take to confirm that changes are heard; the first assessment does not wait for longer."""

AGAIN_S = 2.0
"""After an assessment that failed, or that had to do without the store."""

HEARTBEAT = b":\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_encode = msgspec.json.Encoder().encode


@get("/v1/prospects/{prospect_id:str}/events")
async def get_events(request: HttpRequest, prospect_id: FromPath[str]) -> Stream:
    """The latest assessment first; the stream ends when the right to read does."""
    resources = resources_of(request)
    prospect_id = url_id(prospect_id, ID_PATH)
    until = may_read(request, prospect_id, resources.now().timestamp())
    told = events(resources, prospect_id, style_of(request), until)
    first = await anext(told)  # what can be refused is refused with a status
    return Stream(_all(first, told), media_type="text/event-stream", headers=_HEADERS)


async def _all(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(rest):
        yield first
        async for each in rest:
            yield each


async def events(resources: Resources, prospect_id: str, style: Style, until: float) -> AsyncGenerator[bytes, None]:
    """Assessments of a prospect, and heartbeats, until `until` of the clock or the end of the service.

    Raises:
        ServiceError: before the first assessment alone.
    """
    with resources.live_events.listening(prospect_id) as listener:
        await _changed(listener, FIRST_S)
        told, complete = await _assessment(resources, prospect_id, style)
        yield told
        while not resources.live_events.closed and (left_s := until - resources.now().timestamp()) > 0:
            changed = await _changed(listener, min(HEARTBEAT_S if complete else AGAIN_S, left_s))
            if resources.live_events.closed:
                return
            if complete and not changed:
                yield HEARTBEAT
                continue
            was_complete = complete
            try:
                told, complete = await _assessment(resources, prospect_id, style)
            except ServiceError:
                told, complete = HEARTBEAT, False
            yield told if complete or was_complete else HEARTBEAT  # the store is still away: that was said


async def _changed(listener: Listener, within_s: float) -> bool:
    """Whether there is news within so many seconds; changes that come together are one."""
    try:
        await asyncio.wait_for(listener.changed.wait(), within_s)
    except TimeoutError:
        return False
    listener.changed.clear()
    return True


async def _assessment(resources: Resources, prospect_id: str, style: Style) -> tuple[bytes, bool]:
    """The prospect's assessment now, as it is sent, and whether the store could be asked for it."""
    assessor = resources.live.assessor
    answer = await resources.ticks.join(assessor, checked(assessor, ScoreRequest(prospect_id), style))
    return _written(assessor, answer, style), answer.degraded_because != "store_unavailable"


def _written(assessor: Assessor, answer: Answer, style: Style) -> bytes:
    contract = assessor.contract
    card = card_of(answer, style.lang, lambda name: contract.features[contract.index[name]].title(style.lang))
    return b"event: assessment\ndata: %s\n\nevent: card\ndata: %s\n\n" % (_encode(answer), _encode(card))
