"""Health, without a key: `/health/live` and `/health/ready`."""

from __future__ import annotations

import msgspec
from litestar import Response, get

from service.http import HttpRequest, json_response
from service.resources import crm_faults, resources_of


class Impairment(msgspec.Struct, frozen=True):
    """A part that does not work as it should, and why."""

    part: str
    why: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether this worker should be sent requests, what it serves, and what is impaired."""

    ready: bool
    model: str | None
    version: str | None
    impaired: list[Impairment]


class Alive(msgspec.Struct, frozen=True):
    """The event loop turns."""

    alive: bool = True


@get("/health/live")
async def health_live() -> Response[bytes]:
    """200 while the process answers at all."""
    return json_response(Alive())


@get("/health/ready")
async def health_ready(request: HttpRequest) -> Response[bytes]:
    """200 while a bundle serves, whatever else is impaired; 503 without one or while draining."""
    resources = resources_of(request)
    live = resources.live
    impaired = []
    if live.refused is not None:
        impaired.append(Impairment("model", live.refused))
    if resources.store.given_up:
        impaired.append(Impairment("store", "does not answer; scores use what the request sends"))
    if live.serves:
        impaired += [Impairment("crm", fault) for fault in crm_faults(resources.crms, live.assessor.contract)]
    if resources.draining:
        impaired.append(Impairment("process", "draining"))
    ready = live.serves and not resources.draining
    manifest = live.assessor.bundle.manifest if live.serves else None
    name, version = (manifest.name, manifest.version) if manifest else (None, None)
    return json_response(Readiness(ready, name, version, impaired), 200 if ready else 503)
