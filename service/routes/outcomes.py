"""`POST /v1/outcomes`: what became of prospects."""

from __future__ import annotations

import msgspec
from litestar import Response, post

from service.decisionwire import milliseconds, read_outcome
from service.errors import Erased
from service.http import HttpRequest, json_response, read_json, requires
from service.ledger.records import Became
from service.resources import resources_of
from service.scoring import written_at


class Noted(msgspec.Struct, frozen=True):
    """An outcome is on record."""

    prospect_id: str
    outcome: Became
    at: str


@post("/v1/outcomes", guards=[requires("decide")], status_code=201)
async def post_outcome(request: HttpRequest) -> Response[bytes]:
    """Take an outcome: 201 once it is on disk, 200 when the very same was there already."""
    resources = resources_of(request)
    now = resources.now()
    prospect_id, outcome = read_outcome(await read_json(request, resources.settings.body_limit_bytes), now)
    subject = resources.persons.hidden(prospect_id)
    ledger = await resources.ledger.opened()
    if await ledger.undrained.erased([subject]):
        raise Erased
    news = await ledger.outcomes.add(subject, outcome, milliseconds(now))
    if await ledger.undrained.erased([subject]):  # meanwhile
        await ledger.keeping.erase(subject)
        raise Erased
    return json_response(Noted(prospect_id, outcome.outcome, written_at(outcome.at_ms / 1000)), 201 if news else 200)
