"""What tools read, without a key: `/metrics` and `/openapi.json`."""

from __future__ import annotations

from litestar import Response, get

from service import openapi
from service.http import HttpRequest, json_response
from service.metrics import CONTENT_TYPE
from service.resources import resources_of


@get("/metrics")
async def metrics(request: HttpRequest) -> Response[bytes]:
    """The metrics of all workers, in Prometheus' text format."""
    return Response(resources_of(request).metrics.render(), headers={"content-type": CONTENT_TYPE})


@get("/openapi.json")
async def openapi_json() -> Response[bytes]:
    """This interface, as OpenAPI 3.1."""
    return json_response(openapi.document())
