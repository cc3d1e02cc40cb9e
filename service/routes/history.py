"""`GET /v1/prospects/{id}/history`: what the ledger holds of one prospect."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from service.decisionwire import Query
from service.http import HttpRequest, json_response, requires
from service.ledger.records import Event
from service.resources import resources_of
from service.routes.features import ID_PATH
from service.wire import url_id


class ProspectHistory(msgspec.Struct, frozen=True):
    """Assessments, decisions and outcomes, newest first, and what to send as `before` for the next page."""

    prospect_id: str
    events: list[Event]
    next: str | None


@get("/v1/prospects/{prospect_id:str}/history", guards=[requires("decide")])
async def get_history(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """What became of a prospect so far, a page at a time; empty where nothing is known."""
    resources = resources_of(request)
    prospect_id = url_id(prospect_id, ID_PATH)
    query = Query(request.scope["query_string"], ("limit", "before"))
    limit, before = query.limit(), query.place()
    ledger = await resources.ledger.opened()
    events = await ledger.history.page(resources.persons.hidden(prospect_id), limit, before)
    last = events[-1] if len(events) == limit else None
    following = f"{last.at_ms}.{last.kind}.{last.id}" if last else None
    return json_response(ProspectHistory(prospect_id, events, following))
