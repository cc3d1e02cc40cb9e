"""`POST /v1/webhooks/{crm}`: verify, parse, take in, answer."""

from __future__ import annotations

from urllib.parse import unquote

from litestar import Response, post
from litestar.params import FromPath

from service.crm.catalogue import CRMS
from service.crm.interface import Delivery
from service.errors import Forged, UnknownCrm
from service.http import HttpRequest, read_any
from service.resources import resources_of

PATH = "/v1/webhooks/{crm:str}"
SECRET_PATH = PATH + "/{secret:str}"
"""For CRMs that sign nothing; metrics and logs know a request by this pattern, so the secret is in none of them."""


@post([PATH, SECRET_PATH], status_code=200)
async def take(request: HttpRequest, crm: FromPath[str], secret: FromPath[str] = "") -> Response[bytes]:
    """Take in what a CRM says has happened; the answer is what that CRM takes for one."""
    resources = resources_of(request)
    account = resources.crms.get(crm)
    if account is None:
        raise UnknownCrm("no account with this CRM is configured")
    module, headers = CRMS[crm], dict(request.scope["headers"])
    body = await read_any(headers, request.receive, resources.settings.batch_limit_bytes)
    now = resources.now()
    delivery = Delivery("POST", _target(request), headers, body, unquote(secret))
    try:
        module.verify(delivery, account, now)
        parsed = module.parse(delivery, account)
    except Forged:
        resources.metrics.forged(crm)
        raise
    outcomes = await resources.intake.take(account, parsed.events, resources.live.assessor, now)
    reply = module.acknowledge(outcomes, parsed.ignored)
    return Response(reply.body, media_type=reply.media_type)


def _target(request: HttpRequest) -> str:
    """Path and query as they were sent."""
    path, query = request.scope["raw_path"].partition(b"?")[0], request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")
