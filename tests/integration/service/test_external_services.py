"""What the service answers is what the document for Salesforce's External Services says."""

from __future__ import annotations

from litestar import Litestar
from litestar.testing import TestClient
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from service import openapi30


def test_it_is_served_to_anybody_and_with_names_to_whoever_may_score(client: TestClient[Litestar]) -> None:
    key = client.headers.pop("Authorization")
    assert client.get("/openapi-3.0.json").json() == openapi30.document()
    assert client.get("/openapi-3.0.json", headers={"Authorization": "Bearer another"}).status_code == 401
    named = client.get("/openapi-3.0.json", headers={"Authorization": key}).json()
    OpenAPIV30SpecValidator(named).validate()
    features = named["components"]["schemas"]["Features"]["properties"]
    known = client.get("/v1/model", headers={"Authorization": key}).json()["features"]
    assert list(features) == [feature["name"] for feature in known]


def test_answers_are_what_the_document_says(client: TestClient[Litestar]) -> None:
    document = openapi30.document()
    entries = [{"prospect_id": "L", "features": {"seats": 3}}, {"prospect_id": "M", "features": {"sets": 3}}, {}]
    for path, body in (("/v1/score", entries[0]), ("/v1/score/batch", {"prospects": entries})):
        answer = client.post(path, json=body)
        assert answer.status_code == 200
        schema = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        OAS30Validator({**schema, "components": document["components"]}).validate(answer.json())
