"""`GET /v1/model`: the live model, and the features that it takes."""

from __future__ import annotations

import msgspec
from litestar import Response, get

from models.contract import Feature
from models.value import Period
from service.http import HttpRequest, json_response, requires
from service.resources import resources_of


class LiveModel(msgspec.Struct, frozen=True):
    """What answers, and what it wants to know of a prospect.

    horizons: the first is the score's. features: as they are sent. value: columns that `value` may hold beside the
    money terms. id_column: what the book calls a customer's id.
    """

    name: str
    version: str
    contract: str
    policy: str
    horizons: tuple[int, ...]
    period: Period
    currency: str
    features: tuple[Feature, ...]
    value: list[str]
    id_column: str | None


@get("/v1/model", guards=[requires("features")])
async def model(request: HttpRequest) -> Response[bytes]:
    """Describe the live model, for whoever sends features or builds a form."""
    assessor = resources_of(request).live.assessor
    manifest = assessor.bundle.manifest
    return json_response(
        LiveModel(
            name=manifest.name,
            version=manifest.version,
            contract=manifest.contract_hash,
            policy=assessor.policy.hash,
            horizons=manifest.horizons,
            period=manifest.period,
            currency=manifest.currency,
            features=manifest.contract.sent,
            value=sorted(manifest.money.columns - assessor.contract.index.keys()),
            id_column=manifest.id_column,
        )
    )
