"""The OpenAPI document describes every route that there is, and what each takes and answers."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service import hotpath, openapi
from service.app import ROUTES
from service.errors import BadInput
from service.wire import check_id


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {
        (method.lower(), path.replace(":str", ""))
        for route in ROUTES
        for path in route.paths
        for method in route.http_methods
    } | {("post", hotpath.PATH)}
    described = {(method, path) for path, methods in openapi.document()["paths"].items() for method in methods}
    assert described == routes - {(m, p) for m, p in routes if m in ("options", "head")}


def test_every_reference_leads_somewhere_and_all_is_json() -> None:
    text = json.dumps(openapi.document())
    components = openapi.document()["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in components


def test_keyed_routes_describe_bodies_answers_and_problems() -> None:
    for path, methods in openapi.document()["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/v1/") or "/webhooks/" in path:  # which CRMs prove by themselves
                assert operation["security"] == []
                continue
            assert operation["security"][0]["api_key"]
            responses: dict[str, Any] = operation["responses"]
            assert "application/problem+json" in responses["401"]["content"]
            assert ("requestBody" in operation) == (method in ("post", "put", "patch"))
            assert "content" in responses["200"] or "204" in responses if "200" in responses else "204" in responses


def test_what_a_bundle_without_bootstrap_does_not_know_may_be_null() -> None:
    schemas = openapi.document()["components"]["schemas"]
    unsure = {"Risk": ("low", "high"), "Worth": ("net_value_low", "net_value_high", "net_negative_probability")}
    for schema, names in unsure.items():
        for name in names:
            assert {"type": "null"} in schemas[schema]["properties"][name]["anyOf"]
    assert schemas["Risk"]["properties"]["support"] == {"type": "integer"}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from(".\n\x00\x7f\x9f")), max_size=130))
def test_an_id_is_described_as_it_is_checked(prospect_id: str) -> None:
    described = openapi.PROSPECT_ID
    fits = described["minLength"] <= len(prospect_id) <= described["maxLength"]
    pattern = described["pattern"].replace("$", r"\Z")  # JavaScript's $, which no line feed may follow
    assert (fits and re.search(pattern, prospect_id) is not None) == _passes(prospect_id)


def _passes(prospect_id: str) -> bool:
    try:
        check_id(prospect_id, "$")
    except BadInput:
        return False
    return True
