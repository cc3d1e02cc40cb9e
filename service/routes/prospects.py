"""`/v1/prospects/{id}/consent` and `/export`: what a person has said, and all that is kept of them."""

from __future__ import annotations

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath

from service.bars import Bar
from service.errors import UnknownProspect
from service.http import HttpRequest, json_response, read_json, requires
from service.resources import resources_of
from service.routes.features import ID_PATH
from service.wire import read_consent, url_id

PATH = "/v1/prospects/{prospect_id:str}/consent"


class ProspectConsent(msgspec.Struct, frozen=True):
    """What is on record of a prospect's consent. `granted` is null after an erasure, which was `at` then."""

    prospect_id: str
    granted: bool | None
    at: str | None
    source: str | None
    not_scored_because: Bar | None


@put(PATH, guards=[requires("features")], status_code=200)
async def put_consent(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """Note consent, which lifts what stands against scoring a prospect, or its refusal; answers what stands now."""
    resources = resources_of(request)
    prospect_id = url_id(prospect_id, ID_PATH)
    body = await read_json(request, resources.settings.body_limit_bytes)
    consent, at = read_consent(body, resources.now())
    await resources.consents.set(prospect_id, at.timestamp(), consent.source or "", granted=consent.granted)
    return await _on_record(request, prospect_id)


@get(PATH, guards=[requires("features")])
async def get_consent(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """The consent of a prospect, or its refusal."""
    return await _on_record(request, url_id(prospect_id, ID_PATH))


@get("/v1/prospects/{prospect_id:str}/export", guards=[requires("admin")])
async def export(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """All that is kept of one person, for when they ask."""
    resources = resources_of(request)
    return json_response(await resources.access.report(url_id(prospect_id, ID_PATH), resources.now()))


async def _on_record(request: HttpRequest, prospect_id: str) -> Response[bytes]:
    found = await resources_of(request).consents.read(prospect_id)
    if found.at is None and found.not_scored_because is None:
        raise UnknownProspect("no consent is on record for this prospect")
    return json_response(ProspectConsent(prospect_id, found.granted, found.at, found.source, found.not_scored_because))
