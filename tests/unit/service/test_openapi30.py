"""The document for Salesforce's External Services is OpenAPI 3.0, and has nothing that they do not take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from models.contract import Feature
from service import openapi, openapi30

FEATURES = (
    Feature(name="contract", kind="category", categories=("One year",), label={"en": "Contract", "ja": "契約形態"}),
    Feature(name="monthly_charges", kind="number"),
    Feature(name="paperless", kind="flag"),
    Feature(name="trial_ends", kind="date"),
    Feature(name="monthly fee", kind="number"),
    Feature(name="a__b", kind="number"),
)
NAMES = openapi30.Names(FEATURES, {"channel": str, "fee": float})
DOCUMENTS = {"anybody's": openapi30.document(), "a model's": openapi30.document(NAMES)}


def schemas_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every schema of a document, nested ones too."""
    todo = list(document["components"]["schemas"].values())
    for methods in document["paths"].values():
        for operation in methods.values():
            todo += [parameter["schema"] for parameter in operation["parameters"]]
            bodies = [operation["requestBody"], *operation["responses"].values()]
            todo += [content["schema"] for body in bodies for content in body.get("content", {}).values()]
    while todo:
        schema = todo.pop()
        yield schema
        todo += schema.get("properties", {}).values()
        todo += [*schema.get("allOf", []), schema.get("items"), schema.get("additionalProperties")]
        todo = [each for each in todo if isinstance(each, dict)]


def test_the_31_document_is_one() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(openapi.document()))).validate()


@pytest.mark.parametrize("whose", DOCUMENTS)
def test_the_document_is_openapi_30(whose: str) -> None:
    document = DOCUMENTS[whose]
    assert document["openapi"].startswith("3.0.")
    OpenAPIV30SpecValidator(document).validate()


@pytest.mark.parametrize("whose", DOCUMENTS)
def test_nothing_is_left_that_external_services_do_not_take(whose: str) -> None:
    document = DOCUMENTS[whose]
    found = list(schemas_of(document))
    assert len(found) > 50
    for schema in found:
        assert schema.keys().isdisjoint(openapi30.LEFT_OUT), schema
        assert not schema or schema.keys() & {"type", "$ref", "allOf"}, schema
        assert schema.get("type") in {None, "object", "array", "string", "number", "integer", "boolean"}
        assert not (schema.get("nullable") and "enum" in schema)
        assert len(schema.get("description", "")) <= 1333
    for methods in document["paths"].values():
        assert methods.keys() == {"post"}
        for operation in methods.values():
            assert operation.keys().isdisjoint(openapi30.LEFT_OUT)
            for response in operation["responses"].values():
                assert response.keys() <= {"description", "content"}
                assert response.get("content", {}).keys() <= {"application/json"}
    assert "securitySchemes" not in document["components"]


@pytest.mark.parametrize("whose", DOCUMENTS)
def test_every_name_can_be_one_in_apex(whose: str) -> None:
    document = DOCUMENTS[whose]
    names = set(document["components"]["schemas"])
    for schema in schemas_of(document):
        names |= schema.get("properties", {}).keys()
    for methods in document["paths"].values():
        for operation in methods.values():
            optional = {each["name"] for each in operation["parameters"] if not each["required"]}
            names |= {operation["operationId"], *optional}
    for name in names:
        assert openapi30.IDENTIFIER.fullmatch(name), name
        assert len(name) <= 80


def test_it_offers_scoring_one_prospect_and_many() -> None:
    assert {"/v1/score", "/v1/score/batch"} <= openapi30.document()["paths"].keys()


def test_the_names_of_a_model_are_fields_that_a_flow_can_fill() -> None:
    document = DOCUMENTS["a model's"]
    schemas = document["components"]["schemas"]
    assert schemas["ScoreRequest"]["properties"]["features"] == {"$ref": "#/components/schemas/Features"}
    assert schemas["Features"]["properties"] == {
        "contract": {"type": "string", "description": "Contract"},
        "monthly_charges": {"type": "number", "format": "double", "description": "monthly_charges"},
        "paperless": {"type": "boolean", "description": "paperless"},
        "trial_ends": {"type": "string", "format": "date", "description": "trial_ends"},
    }
    money = schemas["Money"]["properties"]
    assert {"discount", "closing_cost", "channel", "fee"} <= money.keys()
    assert (money["channel"]["type"], money["fee"]["type"]) == ("string", "number")


def test_a_header_that_is_needed_can_be_sent() -> None:
    whole = openapi.document()["paths"]
    for path, methods in openapi30.document()["paths"].items():
        needed = [each["name"] for each in whole[path]["post"]["parameters"] if each["required"]]
        assert set(needed) <= {each["name"] for each in methods["post"]["parameters"]}


def test_making_it_leaves_the_31_document_as_it_was() -> None:
    before = json.dumps(openapi.document())
    openapi30.document(NAMES)
    assert json.dumps(openapi.document()) == before
