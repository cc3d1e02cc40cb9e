"""Bad input: a clear 4xx with the path of the first fault; never a 5xx, never a hang."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.app import resources_in
from tests.support.bundles import CONTRACT

Client = TestClient[Litestar]
JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 50_000


def scored(**fields: Any) -> bytes:
    return json.dumps({"prospect_id": "L", **fields}).encode()


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "$"),
    "cut short": (b'{"prospect_id": "L"', "$"),
    "trailing text": (b'{"prospect_id": "L"} x', "$"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "$"),
    "not UTF-8": (b'{"prospect_id": "\xff"}', "$"),
    "a lone surrogate": (rb'{"prospect_id": "\ud800"}', "$"),
    "an array": (b"[]", "$"),
    "no id": (b"{}", "$"),
    "an id that is a number": (b'{"prospect_id": 1}', "$.prospect_id"),
    "an empty id": (b'{"prospect_id": ""}', "$.prospect_id"),
    "a long id": (b'{"prospect_id": "%s"}' % (b"x" * 129), "$.prospect_id"),
    "an id with a control character": (rb'{"prospect_id": "a\u0007"}', "$.prospect_id"),
    "an id with a null character": (rb'{"prospect_id": "a\u0000"}', "$.prospect_id"),
    "features that are null": (scored(features=None), "$.features"),
    "an unknown feature": (scored(features={"contrat": "One year"}), "$.features.contrat"),
    "a feature whose name needs quotes": (scored(features={"monthly fee": 1}), '$.features["monthly fee"]'),
    "NaN": (b'{"prospect_id": "L", "features": {"seats": NaN}}', "$"),
    "Infinity": (b'{"prospect_id": "L", "features": {"seats": Infinity}}', "$"),
    "1e39, which float32 cannot hold": (scored(features={"seats": 1e39}), "$.features.seats"),
    "1e999": (b'{"prospect_id": "L", "features": {"contract": null, "seats": 1e999}}', "$.features.seats"),
    "a whole number of 300 digits": (scored(features={"seats": 10**300}), "$.features.seats"),
    "a whole number of 5,000 digits": (
        b'{"prospect_id": "L", "features": {"seats": %s}}' % (b"9" * 5000),
        "$.features.seats",
    ),
    "a number as text": (scored(features={"seats": "12"}), "$.features.seats"),
    "a flag as text": (scored(features={"paperless": "true"}), "$.features.paperless"),
    "a flag of two": (scored(features={"paperless": 2}), "$.features.paperless"),
    "a category as a number": (scored(features={"contract": 1}), "$.features.contract"),
    "a feature that is a list": (scored(features={"seats": 1, "contract": []}), "$.features.contract"),
    "a feature that is an object": (scored(features={"contract": {"a": 1}}), "$.features.contract"),
    "10,000 features": (scored(features={f"f{n}": 1 for n in range(5000)}), "$.features.f0"),
    "a discount over one": (scored(value={"discount": 1.5}), "$.value.discount"),
    "a discount as text": (scored(value={"discount": "0.2"}), "$.value.discount"),
    "a discount that is a flag": (scored(value={"discount": True}), "$.value.discount"),
    "a discount that is a list": (scored(value={"closing_cost": 1, "discount": []}), "$.value.discount"),
    "an unknown money term": (scored(value={"discnt": 0.2}), "$.value.discnt"),
    "a negative cost": (scored(value={"closing_cost": -1}), "$.value.closing_cost"),
    "a segment of 257 characters": (scored(value={"channel": "x" * 257}), "$.value.channel"),
    "deep nesting in an unknown field": (b'{"prospect_id": "L", "x": ' + DEEP, "$"),
    "deep nesting in a feature": (
        b'{"prospect_id": "L", "features": {"contract": null, "seats": ' + DEEP,
        "$.features.seats",
    ),
    "deep nesting in the value": (b'{"prospect_id": "L", "value": {"discount": ' + DEEP, "$.value.discount"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_request_is_a_400_that_names_the_place(client: Client, fault: str) -> None:
    body, path = FAULTS[fault]
    response = client.post("/v1/score", content=body, headers=JSON)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail", "path"}
    assert problem["path"] == path


def test_problems_name_the_nearest_and_never_repeat_a_value(client: Client) -> None:
    mistyped = client.post("/v1/score", json={"prospect_id": "L", "features": {"contrat": "hush"}}).json()
    assert "did you mean 'contract'" in mistyped["detail"]
    refused = client.post("/v1/score", json={"prospect_id": "hush", "features": {"seats": "hush"}})
    assert "hush" not in refused.text


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_that_is_not_declared_as_json_is_a_415(client: Client, kind: str) -> None:
    response = client.post("/v1/score", content=scored(), headers={"Content-Type": kind})
    assert (response.status_code, response.json()["status"]) == (415, 415)


def test_bodies_over_their_limit_are_a_413_declared_or_not(client: Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 65536

    ten_megabytes = b'{"prospect_id": "%s"}' % (b"x" * 10_000_000)
    for route in ("/v1/score", "/v1/score/batch", "/v1/features/batch"):
        assert client.post(route, content=ten_megabytes, headers=JSON).status_code == 413
        assert client.post(route, content=endless(), headers=JSON).status_code == 413
    assert client.put("/v1/prospects/L/features", content=b" " * 65537, headers=JSON).status_code == 413


def test_duplicate_keys_count_once_as_the_last(client: Client) -> None:
    body = b'{"prospect_id": "A", "prospect_id": "B", "features": {"seats": 1, "seats": null}}'
    answer = client.post("/v1/score", content=body, headers=JSON).json()
    assert answer["prospect_id"] == "B"
    assert "seats" in answer["missing"]


def test_absurd_money_is_refused_with_its_path(client: Client) -> None:
    body = scored(features={"monthly_charges": 100}, value={"closing_cost": 1.7e308})
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["path"] == "$.value.closing_cost"


@pytest.mark.parametrize("path", ["/v1/score/batch", "/v1/features/batch"])
def test_batches_are_bounded_and_must_be_a_list(client: Client, path: str) -> None:
    entry = {"prospect_id": "L", "features": {}}
    for body, at in (
        ({"prospects": [entry] * 1001}, "$.prospects"),
        ({"prospects": entry}, "$.prospects"),
        ({}, "$"),
    ):
        response = client.post(path, json=body)
        assert (response.status_code, response.json()["path"]) == (400, at)
    deep = client.post(path, content=b'{"prospects": [' + DEEP, headers=JSON)
    assert (deep.status_code, deep.json()["path"], deep.json()["detail"]) == (400, "$", "nested too deeply")
    assert client.post(path, json={"prospects": []}).json() == {"results": []}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"seats": "12"}', "$.seats"),
        (b'{"features": {"seats": "12"}}', "$.features.seats"),
        (b'{"seats": []}', "$.seats"),
        (b'{"features": {"seats": []}}', "$.features.seats"),
        (b'{"contract": null, "seats": ' + DEEP, "$.seats"),
        (b'{"features": {"contract": null, "seats": ' + DEEP, "$.features"),
        (b'{"sets": 1}', "$.sets"),
        (b'{"features": 1}', "$.features"),
        (b"[]", "$"),
        (b"{", "$"),
    ],
)
def test_faulty_features_are_a_400_and_leave_nothing_behind(client: Client, body: bytes, path: str) -> None:
    for method in ("PUT", "PATCH"):
        response = client.request(method, "/v1/prospects/L/features", content=body, headers=JSON)
        assert (response.status_code, response.json()["path"]) == (400, path)
    assert client.get("/v1/prospects/L/features").status_code == 404


@pytest.mark.parametrize("segment", ["%00", "a%07b", "x" * 129, "%C2%85", "%ff", "%2E%2e"])
def test_an_id_in_the_url_is_held_to_the_same_rules(client: Client, segment: str) -> None:
    for method in ("GET", "DELETE", "PUT"):
        response = client.request(method, f"/v1/prospects/{segment}/features", content=b"{}", headers=JSON)
        assert (response.status_code, response.json()["path"]) == (400, "{prospect_id}")


@pytest.mark.parametrize("query", ["lang=fr", "reasons=some", "lang="])
def test_unknown_choices_in_the_query_are_a_400(client: Client, query: str) -> None:
    response = client.post(f"/v1/score?{query}", json={"prospect_id": "L"})
    assert response.status_code == 400
    assert response.json()["path"] == "?" + query.partition("=")[0]


def test_unknown_paths_and_methods_are_problems_too(client: Client) -> None:
    assert client.get("/v1/nothing").json()["status"] == 404
    assert client.get("/v1/score").json()["status"] == 405


def test_keys_are_asked_for_and_scopes_are_held_to(client: Client) -> None:
    bare = TestClient(client.app)
    missing = bare.post("/v1/score", json={"prospect_id": "L"})
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, 'Bearer realm="gatekeeper"')
    wrong = bare.post("/v1/score", json={"prospect_id": "L"}, headers={"Authorization": "Bearer nobody"})
    assert wrong.status_code == 401
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
        assert bare.get(path).status_code == 200
    keyring = resources_in(client).keyring
    [(digest, key)] = keyring.by_digest.items()
    resources_in(client).keyring = type(keyring)({digest: type(key)("score only", frozenset({"score"}))})
    assert client.post("/v1/score", json={"prospect_id": "L"}).status_code == 200
    forbidden = client.get("/v1/prospects/L/features")
    assert forbidden.status_code == 403
    assert "insufficient_scope" in forbidden.headers["www-authenticate"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
nearly_right = st.fixed_dictionaries(
    {"prospect_id": st.text(max_size=140) | json_values},
    optional={
        "features": st.dictionaries(st.sampled_from([*CONTRACT.names, "x"]), json_values, max_size=4) | json_values,
        "value": st.dictionaries(st.sampled_from(["discount", "revenue", "channel", "y"]), json_values, max_size=3)
        | json_values,
    },
)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=nearly_right | json_values)
def test_no_json_at_all_is_answered_with_a_5xx(client: Client, body: Any) -> None:
    for path in ("/v1/score", "/v1/score/batch", "/v1/features/batch"):
        sent = body if path == "/v1/score" else {"prospects": [body]}
        response = client.post(path, content=json.dumps(sent), headers=JSON)
        assert response.status_code in (200, 400), response.text


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=300))
def test_no_bytes_at_all_are_answered_with_a_5xx(client: Client, body: bytes) -> None:
    for method, path in (("POST", "/v1/score"), ("PUT", "/v1/prospects/L/features"), ("POST", "/v1/score/batch")):
        assert client.request(method, path, content=body, headers=JSON).status_code in (200, 400)
