"""This interface as an OpenAPI document, generated from the wire's Structs."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, NamedTuple

import msgspec

from models.contract import Scalar
from service.access import AccessReport
from service.answers import Answer
from service.crm.catalogue import CRMS
from service.decisionwire import KEY, KEY_MAX, LIMIT_MAX, PLACE, DecisionRequest, OutcomeRequest
from service.keys import Scope
from service.ledger.records import CHOICES
from service.ledger.refusals import Summary
from service.problems import MEDIA_TYPE, Problem
from service.routes.decisions import Decided, DecisionPage
from service.routes.features import KnownFeatures, Written
from service.routes.health import Alive, Readiness
from service.routes.history import ProspectHistory
from service.routes.model import LiveModel
from service.routes.outcomes import Noted
from service.routes.pages import PARTS
from service.routes.prospects import ProspectConsent
from service.routes.score import FailedEntry
from service.routes.tokens import Issued
from service.wire import BATCH_MAX, ID_MAX, ConsentRequest, FeaturesRequest, ScoreRequest, TokenRequest


class ScoreBatchRequest(msgspec.Struct):
    """Up to 1,000 prospects to score."""

    prospects: Annotated[list[ScoreRequest], msgspec.Meta(max_length=BATCH_MAX)]


class FeaturesBatchRequest(msgspec.Struct):
    """Up to 1,000 prospects' features to store."""

    prospects: Annotated[list[FeaturesRequest], msgspec.Meta(max_length=BATCH_MAX)]


class WrappedFeatures(msgspec.Struct):
    """A prospect's features, wrapped."""

    features: dict[str, Scalar]


class Text(NamedTuple):
    """An answer that is no JSON, of this media type."""

    media: str


class OneOf(NamedTuple):
    """A body or answer of several shapes, or a batch's list of them: a union that msgspec does not describe."""

    shapes: tuple[Any, ...]
    batch: bool = False

    def schema(self, schema_of: dict[str, Any]) -> dict[str, Any]:
        """The union, over the schemas of its shapes."""
        union = {"anyOf": [schema_of[repr(shape)] for shape in self.shapes]}
        if not self.batch:
            return union
        return {
            "type": "object",
            "properties": {"results": {"type": "array", "items": union}},
            "required": ["results"],
        }


class Foreign(NamedTuple):
    """A body or answer that a CRM prescribes, in one of these media types."""

    media: tuple[str, ...]


PROSPECT_ID: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": ID_MAX,
    "pattern": r"^(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f]*$",
}
"""What `wire.check_id` lets pass."""

SCORED = OneOf((Answer, FailedEntry), batch=True)
WRITTEN = OneOf((Written, FailedEntry), batch=True)
FEATURES = OneOf((dict[str, Scalar], WrappedFeatures))
FOREIGN = Foreign(("application/json", "text/xml"))
REFUSALS: dict[int, str] = {
    400: "bad input, with the path of the first fault",
    401: "no API key, or an unknown one; a webhook that its CRM did not send",
    403: "the key lacks the scope",
    404: "nothing is stored for this prospect, or under this decision id; no account with this CRM",
    408: "the request did not arrive in time; the connection is closed",
    409: "the Idempotency-Key was sent with another body",
    410: "this prospect was erased; consent lifts that",
    413: "the body is too large",
    415: "the body is not declared as JSON",
    503: "no bundle serves, or the store or the ledger is needed and does not answer",
}


class Operation(NamedTuple):
    """One row: method, path, what it does, the scope it needs, its body, its answer, and the refusals it knows.

    parameters: name, place and schema of those that are no other route's. repeatable: 200 where it was done before.
    """

    method: str
    path: str
    summary: str
    scope: Scope | None
    body: Any
    status: int
    answer: Any
    refusals: tuple[int, ...] = ()
    parameters: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    repeatable: bool = False


_BODY = (400, 401, 403, 408, 413, 415, 503)
_WRITE = (*_BODY, 410)
_WEBHOOK = (400, 401, 404, 408, 413, 503)
_FEATURES = "/v1/prospects/{prospect_id}/features"
_CONSENT = "/v1/prospects/{prospect_id}/consent"
_EXPORT = "/v1/prospects/{prospect_id}/export"
_LIST = (400, 401, 403, 503)
_WHICH: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("since", "query", {"type": "string", "format": "date-time"}),
    ("until", "query", {"type": "string", "format": "date-time"}),
    ("user", "query", {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}),
    ("choice", "query", {"enum": list(CHOICES)}),
)


def _page(before: dict[str, Any]) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Parameters of a list that comes in pages; `before` is the schema of where the next one begins."""
    return (("limit", "query", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}), ("before", "query", before))


_EVENTS = "/v1/prospects/{prospect_id}/events"
_BY_TOKEN = (("get", _EVENTS), ("post", "/v1/decisions"))
"""Opened by a pop-up token too."""

OPERATIONS = (
    Operation("post", "/v1/score", "Score one prospect", "score", ScoreRequest, 200, Answer, _BODY),
    Operation("post", "/v1/score/batch", "Score prospects", "score", ScoreBatchRequest, 200, SCORED, _BODY),
    Operation("put", _FEATURES, "Replace all features", "features", FEATURES, 200, Written, _WRITE),
    Operation("patch", _FEATURES, "Change some features; null: missing", "features", FEATURES, 200, Written, _WRITE),
    Operation("get", _FEATURES, "Raw features", "features", None, 200, KnownFeatures, (400, 401, 403, 404, 503)),
    Operation("delete", _FEATURES, "Erase every trace of a person", "features", None, 204, None, (400, 401, 403, 503)),
    Operation("post", "/v1/features/batch", "Replace features", "features", FeaturesBatchRequest, 200, WRITTEN, _BODY),
    Operation("put", _CONSENT, "Consent or its refusal", "features", ConsentRequest, 200, ProspectConsent, _BODY),
    Operation("get", _CONSENT, "Consent on record", "features", None, 200, ProspectConsent, (400, 401, 403, 404, 503)),
    Operation("get", _EXPORT, "All that is kept", "admin", None, 200, AccessReport, (400, 401, 403, 404, 503)),
    Operation("post", "/v1/webhooks/{crm}", "What a CRM tells", None, FOREIGN, 200, FOREIGN, _WEBHOOK),
    Operation(
        "post", "/v1/webhooks/{crm}/{secret}", "What an unsigned one tells", None, FOREIGN, 200, FOREIGN, _WEBHOOK
    ),
    Operation(
        *("post", "/v1/decisions", "What a rep did about an assessment", "decide"),
        *(DecisionRequest, 201, Decided, (*_BODY, 404, 409)),
        parameters=((KEY, "header", {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$"}),),
        repeatable=True,
    ),
    Operation(
        *("get", "/v1/decisions", "Decisions, newest first", "admin", None, 200, DecisionPage, _LIST),
        parameters=(*_WHICH, *_page({"type": "string", "pattern": "^[0-9]{1,18}$"})),
    ),
    Operation(
        *("get", "/v1/decisions/summary", "What reps made of warnings", "admin", None, 200, Summary, _LIST),
        parameters=_WHICH,
    ),
    Operation(
        "get", "/v1/decisions.csv", "Decisions as CSV", "admin", None, 200, Text("text/csv"), _LIST, parameters=_WHICH
    ),
    Operation(
        *("post", "/v1/outcomes", "What became of a prospect", "decide", OutcomeRequest, 201, Noted, _WRITE),
        repeatable=True,
    ),
    Operation(
        *("get", "/v1/prospects/{prospect_id}/history", "What is on record of a prospect, newest first", "decide"),
        *(None, 200, ProspectHistory, _LIST),
        parameters=_page({"type": "string", "pattern": f"^{PLACE}$"}),
    ),
    Operation("get", "/v1/model", "The live model and its features", "features", None, 200, LiveModel, (401, 403, 503)),
    Operation("post", "/v1/tokens", "A pop-up token, for a browser", "decide", TokenRequest, 200, Issued, _BODY),
    Operation("get", _EVENTS, "Live assessments", "score", None, 200, Text("text/event-stream"), (400, 401, 403, 503)),
    Operation("get", "/popup", "The card as a page for frames", None, None, 200, Text("text/html")),
    Operation("get", "/popup/card.js", "The card as a custom element", None, None, 200, Text("text/javascript")),
    Operation("get", "/decisions", "What reps made of warnings, as a page", None, None, 200, Text("text/html")),
    Operation("get", "/", "A mock CRM, in `dev` alone", None, None, 200, Text("text/html"), (404,)),
    Operation(
        *("get", "/pages/{name}", "What these pages load", None, None, 200, Text("text/*"), (404,)),
        parameters=(("name", "path", {"enum": list(PARTS)}),),
    ),
    Operation("get", "/health/live", "The process answers", None, None, 200, Alive),
    Operation("get", "/health/ready", "A bundle serves; 503 says why not", None, None, 200, Readiness),
    Operation("get", "/metrics", "Metrics of all workers, as text", None, None, 200, Text("text/plain")),
    Operation("get", "/openapi.json", "This document", None, None, 200, dict[str, Any]),
    Operation("get", "/openapi-3.0.json", "For Salesforce", None, None, 200, dict[str, Any], (401, 403, 503)),
)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    used = [shape for row in OPERATIONS for shape in (row.body, row.answer) if shape is not None]
    used = [shape for shape in used if not isinstance(shape, Text | Foreign)]
    unions = [shape for shape in used if isinstance(shape, OneOf)]
    types = {repr(t): t for t in (*used, *(t for union in unions for t in union.shapes)) if not isinstance(t, OneOf)}
    types[repr(Problem)] = Problem
    schemas, components = msgspec.json.schema_components(types.values(), ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, schemas, strict=True))
    schema_of |= {repr(union): union.schema(schema_of) for union in unions}
    for request in (ScoreRequest, FeaturesRequest, OutcomeRequest):
        components[request.__name__]["properties"]["prospect_id"] = PROSPECT_ID
    paths: dict[str, dict[str, Any]] = {}
    for row in OPERATIONS:
        paths.setdefault(row.path, {})[row.method] = _operation(row, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gatekeeper", "version": "1", "description": "Scores a lead for early churn and value."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "api_key": {"type": "http", "scheme": "bearer"},
                "popup_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _operation(row: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{row.method}{row.path.translate(_NAMES)}",
        "summary": row.summary,
        "parameters": _parameters(row),
        "security": _security(row),
        "responses": {str(row.status): {"description": "done"}},
    }
    if row.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(row.body, schema_of)}
    if row.answer is not None:
        answered = {"content": _content(row.answer, schema_of)}
        operation["responses"][str(row.status)] |= answered
        if row.repeatable:
            operation["responses"]["200"] = {"description": "it was done before", **answered}
        if row.answer is Readiness:
            operation["responses"]["503"] = {"description": "not ready", **answered}
    for status in row.refusals:
        operation["responses"][str(status)] = {
            "description": REFUSALS[status],
            "content": {MEDIA_TYPE: {"schema": schema_of[repr(Problem)]}},
        }
    return operation


def _content(shape: Any, schema_of: dict[str, Any]) -> dict[str, Any]:
    if isinstance(shape, Foreign):
        return {media: {"schema": {}} for media in shape.media}
    if isinstance(shape, Text):
        return {shape.media: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": schema_of[repr(shape)]}}


def _security(row: Operation) -> list[dict[str, list[str]]]:
    """Each entry is a way in."""
    keys: list[dict[str, list[str]]] = [{"api_key": [row.scope]}] if row.scope else []
    return [*keys, {"popup_token": []}] if (row.method, row.path) in _BY_TOKEN else keys


def _parameters(row: Operation) -> list[dict[str, Any]]:
    def parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "in": place, "required": place == "path" or name == KEY, "schema": schema}

    in_path = {"prospect_id": PROSPECT_ID, "crm": {"enum": sorted(CRMS)}, "secret": {"type": "string", "minLength": 1}}
    found = [parameter(name, "path", schema) for name, schema in in_path.items() if f"{{{name}}}" in row.path]
    found += [parameter(*each) for each in row.parameters]
    if row.scope == "score":
        found += [
            parameter("lang", "query", {"enum": ["en", "ja"]}),
            parameter("reasons", "query", {"enum": ["top", "all"]}),
            parameter("Accept-Language", "header", {"type": "string"}),
        ]
    return found


_NAMES = str.maketrans({"/": "_", "{": None, "}": None, ".": "_", "-": "_"})
