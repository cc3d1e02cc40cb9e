"""Pop-up tokens over HTTP: who gets one, what it opens, and what the browser is told about it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import RequestFactory, TestClient

from service.errors import Forbidden, Unauthorized
from service.popup.access import Decider, authorized_decider
from tests.support.app import API_KEY, client_of, resources_in, settings_for
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
EVENTS = "/v1/prospects/L-1001/events"
BODY = {"prospect_id": "L-1001", "user": "rep-7"}


def token_of(client: Client, **more: Any) -> str:
    issued: str = client.post("/v1/tokens", json={**BODY, **more}).json()["token"]
    return issued


def as_bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_server_gets_a_token_for_one_of_its_reps_that_says_when_it_ends(client: Client) -> None:
    resources_in(client).now = lambda: NOW  # type: ignore[method-assign]
    answer = client.post("/v1/tokens", json=BODY)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_at"] == "2026-11-21T02:05:00.000Z"
    told = resources_in(client).tokens.read(answer.json()["token"].encode(), "decide", NOW.timestamp())
    assert (told.prospect, told.sub, told.act) == ("L-1001", "rep-7", ("read", "decide"))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"prospect_id": ""}, "$.prospect_id"),
        ({"user": "x" * 129}, "$.user"),
        ({"user": None}, "$.user"),
        ({"user": "taro@example.com"}, "$.user"),
        ({"user": "rep-7\n"}, "$.user"),
        ({"actions": []}, "$.actions"),
        ({"actions": ["write"]}, "$.actions[0]"),
    ],
)
def test_a_request_for_a_token_is_checked(client: Client, change: dict[str, Any], path: str) -> None:
    answer = client.post("/v1/tokens", json={**BODY, **change})
    assert (answer.status_code, answer.json()["path"]) == (400, path)


def test_only_a_key_that_may_decide_gets_one(small_registry: Path, valkey: Valkey) -> None:
    line = f"reader:score,features:{hashlib.sha256(API_KEY.encode()).hexdigest()}"
    with client_of(settings_for(small_registry, valkey.url, API_KEYS=line)) as client:
        assert client.post("/v1/tokens", json=BODY).status_code == 403
    with client_of(settings_for(small_registry, valkey.url)) as client:
        assert client.post("/v1/tokens", json=BODY, headers={"Authorization": ""}).status_code == 401


def test_a_token_opens_nothing_but_what_it_is_for(client: Client) -> None:
    bearer = as_bearer(token_of(client))
    features = "/v1/prospects/L-1001/features"
    assert client.get("/v1/prospects/L-1002/events", headers=bearer).status_code == 401
    assert client.post("/v1/tokens", json=BODY, headers=bearer).status_code == 401
    assert client.post("/v1/score", json={"prospect_id": "L-1001"}, headers=bearer).status_code == 401
    assert client.get(features, headers=bearer).status_code == 401
    assert client.delete(features, headers=bearer).status_code == 401
    assert client.get(EVENTS, headers=as_bearer(token_of(client, actions=["decide"]))).status_code == 401
    assert client.get(f"{EVENTS}?token={token_of(client)}", headers={"Authorization": ""}).status_code == 401


def test_a_token_that_is_over_opens_nothing(client: Client) -> None:
    bearer = as_bearer(token_of(client))
    resources = resources_in(client)
    later = resources.now() + timedelta(seconds=301)
    resources.now = lambda: later  # type: ignore[method-assign]
    answer = client.get(EVENTS, headers=bearer)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "this token is not valid for this, or no longer"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_browser_decides_for_its_user_once_and_a_server_for_anyone(client: Client) -> None:
    resources = resources_in(client)
    now = resources.now().timestamp()

    def decider(credential: str) -> Decider:
        return authorized_decider(RequestFactory(app=client.app).post(headers=as_bearer(credential)), now)

    token = token_of(client)
    told = resources.tokens.read(token.encode(), "decide", now)
    assert decider(token) == decider(token) == Decider("rep-7", "L-1001", f"token:{told.jti}")
    assert decider(token_of(client)).idempotency_key != decider(token).idempotency_key
    assert decider(API_KEY) == Decider(None, None, None)
    for credential in (token_of(client, actions=["read"]), token[:-2], "nobody", "a.b.c"):
        with pytest.raises(Unauthorized):
            decider(credential)


def test_a_key_that_may_not_decide_does_not(small_registry: Path, valkey: Valkey) -> None:
    line = f"reader:score:{hashlib.sha256(API_KEY.encode()).hexdigest()}"
    with client_of(settings_for(small_registry, valkey.url, API_KEYS=line)) as client, pytest.raises(Forbidden):
        authorized_decider(RequestFactory(app=client.app).post(headers=as_bearer(API_KEY)), 0.0)


def decided(client: Client, token: str, decision_id: str, key: str = "", **more: Any) -> tuple[int, str | None]:
    """Status and allowed origins of the answer to a decision, which is sent under a key of the token's, or `key`."""
    body = {"decision_id": decision_id, "choice": "declined", "user": "rep-7", **more}
    answer = client.post(
        "/v1/decisions", json=body, headers={**as_bearer(token), "Idempotency-Key": key or token[-40:]}
    )
    return answer.status_code, answer.headers.get("access-control-allow-origin")


def scored(client: Client, prospect_id: str = "L-1001") -> str:
    decision_id: str = client.post("/v1/score", json={"prospect_id": prospect_id, "features": {"seats": 5}}).json()[
        "decision_id"
    ]
    return decision_id


def test_a_token_is_used_up_by_the_one_decision_that_it_makes(client: Client) -> None:
    token, decision_id, other = token_of(client), scored(client), scored(client)
    assert decided(client, token, decision_id) == (201, "*")
    assert decided(client, token, decision_id) == (200, "*")  # the same one, whose answer was lost
    assert decided(client, token, decision_id, choice="review")[0] == 409
    for number in range(20):
        again = (decision_id, other)[number % 2]
        assert decided(client, token, again, key=f"{token[-40:]}{number}", choice="review")[0] == 409
    assert decided(client, token_of(client), other)[0] == 201


def test_a_token_decides_for_its_user_and_on_its_prospect_alone(client: Client) -> None:
    token, decision_id = token_of(client), scored(client)
    assert decided(client, token, scored(client, "L-1002"))[0] == 404
    assert decided(client, token, decision_id, user="rep-8")[0] == 401
    assert decided(client, token_of(client, actions=["read"]), decision_id)[0] == 401
    assert decided(client, token.replace(".", ".e", 1), decision_id)[0] == 401
    assert decided(client, token, decision_id)[0] == 201  # what was refused has not used it up


@pytest.mark.parametrize("path", [EVENTS, "/v1/prospects/a%2Fb/events", "/v1/decisions", "/popup/card.js"])
def test_a_page_of_any_origin_may_call_what_a_token_opens(client: Client, path: str) -> None:
    asked = {"Origin": "null", "Access-Control-Request-Method": "POST", "Authorization": ""}
    preflight = client.options(path, headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers


@pytest.mark.parametrize(
    "path", ["/v1/score", "/v1/tokens", "/v1/prospects/L-1001/features", "/v1/model", "/metrics", "/popup"]
)
def test_no_other_route_may_be_called_from_elsewhere(client: Client, path: str) -> None:
    for answer in (client.options(path, headers={"Origin": "null"}), client.get(path, headers={"Origin": "null"})):
        assert "access-control-allow-origin" not in answer.headers


def test_the_page_is_shown_only_where_it_may_be_and_runs_only_its_own_script(
    small_registry: Path, valkey: Valkey
) -> None:
    ancestors = "https://crm.example.com https://*.example.org:8443"
    with client_of(settings_for(small_registry, valkey.url, FRAME_ANCESTORS=ancestors)) as client:
        first, second = (client.get("/popup", headers={"Authorization": ""}) for _ in range(2))
    policy = first.headers["content-security-policy"]
    assert f"frame-ancestors 'self' {ancestors}" in policy
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "x-frame-options" not in first.headers
    assert first.headers["referrer-policy"] == "no-referrer"
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    [nonce] = set(re.findall(r'nonce="([^"]+)"', first.text))
    assert f"'nonce-{nonce}'" in policy
    assert nonce not in second.text


def test_the_script_is_one_small_file(client: Client) -> None:
    answer = client.get("/popup/card.js", headers={"Authorization": ""})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(answer.content) < 15_000
    assert "innerHTML" not in answer.text


def test_what_is_read_changes_nothing(client: Client, valkey: Valkey) -> None:
    client.put("/v1/prospects/L-1001/features", json={"seats": 5})
    bearer = as_bearer(token_of(client))
    with valkey.client() as store:
        before = {key: store.dump(key) for key in store.scan_iter()}
        for path in ("/popup", "/popup/card.js"):
            client.get(path, headers=bearer)
        assert {key: store.dump(key) for key in store.scan_iter()} == before
