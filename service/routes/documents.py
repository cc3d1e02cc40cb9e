"""What tools read, without a key: `/metrics` and `/openapi.json`."""

from __future__ import annotations

import contextlib

from litestar import Response, get

from service import openapi
from service.errors import StoreUnavailable
from service.http import HttpRequest, json_response
from service.metrics import CONTENT_TYPE
from service.resources import resources_of


@get("/metrics")
async def metrics(request: HttpRequest) -> Response[bytes]:
    """The metrics of all workers, in Prometheus' text format."""
    resources = resources_of(request)
    with contextlib.suppress(StoreUnavailable):  # then the last count stands
        resources.metrics.undrained(await resources.store.run(resources.store.client.xlen(resources.recording.key)))
    return Response(resources.metrics.render(), headers={"content-type": CONTENT_TYPE})


@get("/openapi.json")
async def openapi_json() -> Response[bytes]:
    """This interface, as OpenAPI 3.1."""
    return json_response(openapi.document())
