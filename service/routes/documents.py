"""What tools read, without a key: `/metrics`, `/openapi.json` and `/openapi-3.0.json`."""

from __future__ import annotations

from litestar import Response, get

from service import openapi, openapi30
from service.http import HttpRequest, authorize, json_response
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


@get("/openapi-3.0.json")
async def openapi_30_json(request: HttpRequest) -> Response[bytes]:
    """What Salesforce can call, as OpenAPI 3.0; whoever may score is told the names that the live model takes.

    Raises:
        Unauthorized, Forbidden: there is a key, and it may not score.
        NoModel: there is a key, and no bundle serves.
    """
    headers = dict(request.scope["headers"])
    if b"authorization" not in headers:
        return json_response(openapi30.document())
    resources = resources_of(request)
    authorize(resources.keyring, headers, request.scope["client"], "score")
    assessor = resources.live.assessor
    money = assessor.bundle.manifest.money
    columns = {name: float if name in money.amounts else str for name in money.columns - assessor.contract.index.keys()}
    return json_response(openapi30.document(openapi30.Names(assessor.contract.sent, columns)))
