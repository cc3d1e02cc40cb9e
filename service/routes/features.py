"""`/v1/prospects/{id}/features` and `/v1/features/batch`: what is known of prospects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from models.contract import Contract, Scalar
from models.errors import FeatureError
from service.errors import BadInput, Erased, UnknownProspect, key_path
from service.features import CHUNK
from service.http import HttpRequest, json_response, read_json, requires
from service.problems import problem_of
from service.resources import resources_of
from service.routes.score import FailedEntry
from service.scoring import rfc3339, written_at
from service.wire import id_in, read_batch, read_entry, read_features, url_id

PATH = "/v1/prospects/{prospect_id:str}/features"
ID_PATH = "{prospect_id}"
"""How an error names a fault of the id in the URL, which is no part of the body."""

_guards = [requires("features")]


class Written(msgspec.Struct, frozen=True):
    """Features are on record as of this time."""

    prospect_id: str
    features_as_of: str


class KnownFeatures(msgspec.Struct, frozen=True):
    """The raw features of a prospect, as they were sent."""

    prospect_id: str
    features: dict[str, Scalar]
    features_as_of: str


class WrittenBatch(msgspec.Struct, frozen=True):
    """One result for each prospect, in their order."""

    results: list[Written | FailedEntry]


@put(PATH, guards=_guards, status_code=200)
async def put_features(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """Replace all features of a prospect who was not erased."""
    resources = resources_of(request)
    contract = resources.live.assessor.contract
    prospect_id = url_id(prospect_id, ID_PATH)
    values, now = await _values(request, contract), resources.now()
    if await resources.features.put({prospect_id: values}, contract, now.timestamp()):
        raise Erased
    return json_response(Written(prospect_id, rfc3339(now)))


@patch(PATH, guards=_guards, status_code=200)
async def patch_features(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """Change some features of a prospect who was not erased; null makes one missing."""
    resources = resources_of(request)
    contract = resources.live.assessor.contract
    prospect_id = url_id(prospect_id, ID_PATH)
    values, now = await _values(request, contract), resources.now()
    await resources.features.patch(prospect_id, values, contract, now.timestamp())
    return json_response(Written(prospect_id, rfc3339(now)))


@get(PATH, guards=_guards)
async def get_features(request: HttpRequest, prospect_id: FromPath[str]) -> Response[bytes]:
    """The raw features of a prospect."""
    prospect_id = url_id(prospect_id, ID_PATH)
    raw = await resources_of(request).features.read(prospect_id)
    if raw is None:
        raise UnknownProspect("no features are stored for this prospect")
    return json_response(KnownFeatures(prospect_id, raw.features, written_at(raw.as_of)))


@delete(PATH, guards=_guards, status_code=204)
async def delete_features(request: HttpRequest, prospect_id: FromPath[str]) -> None:
    """Erase every trace of a prospect, known or not, but for a mark that they are not to come back."""
    resources = resources_of(request)
    await resources.erasure.erase(url_id(prospect_id, ID_PATH), resources.now())


@post("/v1/features/batch", guards=_guards, status_code=200)
async def put_batch(request: HttpRequest) -> Response[bytes]:
    """Replace all features of up to 1,000 prospects; an entry that is refused says why and stands alone."""
    resources = resources_of(request)
    contract = resources.live.assessor.contract
    entries = read_batch(await read_json(request, resources.settings.batch_limit_bytes))
    now = resources.now()
    results: list[Written | FailedEntry] = []
    for start in range(0, len(entries), CHUNK):
        accepted: dict[str, Mapping[str, Scalar]] = {}
        read: list[str | FailedEntry] = []
        for place, entry in enumerate(entries[start : start + CHUNK], start):
            at = f"$.prospects[{place}]"
            try:
                sent = read_entry(entry, at)
                _check(contract, sent.features, f"{at}.features")
            except BadInput as error:
                read.append(FailedEntry(id_in(entry), problem_of(error)))
                continue
            accepted[sent.prospect_id] = sent.features
            read.append(sent.prospect_id)
        erased = await resources.features.put(accepted, contract, now.timestamp())
        results += [each if isinstance(each, FailedEntry) else _outcome(each, erased, now) for each in read]
    return json_response(WrittenBatch(results))


def _outcome(prospect_id: str, erased: set[str], now: datetime) -> Written | FailedEntry:
    if prospect_id in erased:
        return FailedEntry(prospect_id, problem_of(Erased()))
    return Written(prospect_id, rfc3339(now))


async def _values(request: HttpRequest, contract: Contract) -> dict[str, Scalar]:
    """The features in the body, which the contract accepts.

    Raises:
        BadInput: the body is not what it should be.
    """
    values, at = read_features(await read_json(request, resources_of(request).settings.body_limit_bytes))
    _check(contract, values, at)
    return values


def _check(contract: Contract, values: Mapping[str, Scalar], at: str) -> None:
    try:
        contract.encode(values)
    except FeatureError as error:
        raise BadInput(key_path(at, error.name), error.reason) from None
