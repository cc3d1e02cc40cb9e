"""What Salesforce's External Services can call of this interface, as an OpenAPI 3.0 document made from the 3.1 one.

External Services makes a type of each object and an action of each operation, for Flow and Apex. `LEFT_OUT` is what it
does not take, ignores, or cannot show in Flow; sources: help.salesforce.com, "External Services: Schema Definitions",
"OpenAPI 2.0 and 3.0 Support", "Naming and Description Conventions", and the OpenAPI 3.0.3 specification, whose schemas
know neither the type `null` nor what JSON Schema has gained since. Not tried with an organization of Salesforce.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from models.contract import Feature
from models.money import BOUNDS
from service import openapi

OFFERED = ("/v1/score", "/v1/score/batch", "/v1/decisions", "/v1/outcomes")
"""Paths whose POST a Flow has a use for; those that are not there yet are passed over."""

_NEWER = (
    *(
        "$defs",
        "$id",
        "$schema",
        "const",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "examples",
        "if",
    ),
    *("patternProperties", "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
LEFT_OUT = {
    "headers": "response headers are not supported",
    "security": "ignored: the Named Credential carries the key",
    "securitySchemes": "ignored likewise",
    "tags": "ignored",
    "externalDocs": "ignored",
    "anyOf": "a union has no type in Flow",
    "oneOf": "likewise",
    "discriminator": "of unions only",
    "pattern": "a dialect of regular expressions that nobody names",
    "default": "would be sent where the Flow sends nothing",
    "title": "repeats the name",
    **dict.fromkeys(_NEWER, "no keyword of OpenAPI 3.0"),
}
"""Keywords that the document has not, each with the reason."""

IDENTIFIER = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
"""What a name must be to become one in Apex; a feature that is called otherwise is not offered."""

_DESCRIPTION_MAX = 1333
_NUMBER = {"type": "number", "format": "double"}
_KINDS = {"flag": {"type": "boolean"}, "number": _NUMBER, "date": {"type": "string", "format": "date"}}
_UNION = ("anyOf", "oneOf")

Json = dict[str, Any]


class Names(NamedTuple):
    """What the live model takes: its features as they are sent, and the columns of its money terms and their kinds."""

    features: Iterable[Feature]
    columns: Mapping[str, type]


def document(names: Names | None = None) -> Json:
    """The document; with the names of the live model its features and money are fields, without them both are maps."""
    whole = openapi.document()
    schemas = dict(whole["components"]["schemas"])
    paths = {
        path: {"post": _operation(whole["paths"][path]["post"], schemas)} for path in OFFERED if path in whole["paths"]
    }
    flat = {name: _flat(schema, schemas) for name, schema in schemas.items()}
    if names is not None:
        flat |= {"Features": _features(names.features), "Money": _money(names.columns)}
        request = flat["ScoreRequest"]["properties"]
        request |= {"features": _reference("Features"), "value": _reference("Money")}
    return {
        "openapi": "3.0.3",
        "info": whole["info"],
        "paths": paths,
        "components": {"schemas": {name: flat[name] for name in _used(paths, flat)}},
    }


def _operation(operation: Json, schemas: Json) -> Json:
    """The operation without what is refused, its refusals without bodies: problem+json is no type that is supported."""
    parameters = [
        {**each, "schema": _flat(each["schema"], schemas)}
        for each in operation["parameters"]
        if each["required"] or IDENTIFIER.fullmatch(each["name"])
    ]
    responses = {
        status: {
            "description": response["description"],
            **({"content": _content(response["content"], schemas)} if status < "300" and "content" in response else {}),
        }
        for status, response in operation["responses"].items()
    }
    body = {"required": True, "content": _content(operation["requestBody"]["content"], schemas)}
    return {
        "operationId": operation["operationId"],
        "summary": operation["summary"],
        "parameters": parameters,
        "requestBody": body,
        "responses": responses,
    }


def _content(content: Json, schemas: Json) -> Json:
    return {kind: {"schema": _flat(stated["schema"], schemas)} for kind, stated in content.items()}


def _flat(schema: Json, schemas: Json) -> Json:
    """The schema in the words of OpenAPI 3.0, without unions."""
    for union in _UNION:
        if union in schema:
            return _one_of(schema[union], schemas)
    flat = {name: value for name, value in schema.items() if name not in LEFT_OUT}
    if "description" in flat:
        flat["description"] = " ".join(flat["description"].split())[:_DESCRIPTION_MAX]
    if "enum" in flat:
        flat.setdefault("type", "string")
    if "properties" in flat:
        flat["properties"] = {name: _flat(value, schemas) for name, value in flat["properties"].items()}
    for nested in ("items", "additionalProperties"):
        if isinstance(flat.get(nested), dict):
            flat[nested] = _flat(flat[nested], schemas)
    return flat


def _one_of(shapes: list[Json], schemas: Json) -> Json:
    """One schema for a union: what is left of it but null, objects as one that has the fields of all, else anything."""
    left = [shape for shape in shapes if shape.get("type") != "null"]
    nullable = {"nullable": True} if len(left) < len(shapes) else {}
    if {"type": "integer"} in left and {"type": "number"} in left:
        left.remove({"type": "integer"})
    if len(left) == 1:
        only = _flat(left[0], schemas)
        if nullable:
            only.pop("enum", None)  # null would have to be one of its values
        return {"allOf": [only], **nullable} if nullable and "$ref" in only else {**only, **nullable}
    targets = [_target(shape, schemas) for shape in left]
    if all("properties" in each for each in targets):
        return {**_flat(reduce(_merged, targets), schemas), **nullable}
    return {}


def _target(shape: Json, schemas: Json) -> Json:
    target: Json = schemas[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
    return target


def _merged(one: Json, other: Json) -> Json:
    """An object that either may be: of a field that both have, the union is the one that allows more."""
    required = [name for name in one.get("required", []) if name in other.get("required", [])]
    unions = {name: field for name, field in one["properties"].items() if not field.keys().isdisjoint(_UNION)}
    properties = {**one["properties"], **other["properties"], **unions}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _features(features: Iterable[Feature]) -> Json:
    properties = {
        feature.name: {**_KINDS.get(feature.kind, {"type": "string"}), "description": feature.title("en")}
        for feature in features
        if IDENTIFIER.fullmatch(feature.name)
    }
    return {"type": "object", "description": "What is known of the prospect.", "properties": properties}


def _money(columns: Mapping[str, type]) -> Json:
    terms = {
        **dict.fromkeys(BOUNDS, float),
        **{name: kind for name, kind in columns.items() if IDENTIFIER.fullmatch(name)},
    }
    properties = {name: dict(_NUMBER) if kind is float else {"type": "string"} for name, kind in terms.items()}
    return {"type": "object", "description": "Money terms that override the book's.", "properties": properties}


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _used(root: Any, schemas: Json) -> list[str]:
    """The names of the schemas that `root` leads to, sorted."""
    found: set[str] = set()
    todo = [root]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                todo.append(schemas[name])
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return sorted(found)
