"""Consent: who said no is not scored, whatever is sent along, until they say yes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.answers import Style
from service.app import create_app
from service.features import CHUNK
from service.resources import Resources
from service.scoring import checked
from service.wire import ScoreRequest
from tests.support.app import settings_for
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
FEATURES: dict[str, Any] = {"contract": "Month-to-month", "monthly_charges": 90, "seats": 3}
UNSCORED = {"risk": None, "value": None, "ltv_minus": None, "cause": None, "rule": None, "features_as_of": None}


def path(prospect: str, what: str = "consent") -> str:
    return f"/v1/prospects/{prospect}/{what}"


def score(client: Client, prospect: str, **features: Any) -> dict[str, Any]:
    response = client.post("/v1/score", json={"prospect_id": prospect, "features": features})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("sent", [{}, FEATURES], ids=["stored", "sent along"])
def test_who_said_no_is_not_scored_and_nothing_speaks_against_them(client: Client, sent: dict[str, Any]) -> None:
    client.put(path("L", "features"), json=FEATURES)
    assert score(client, "L", **sent)["not_scored_because"] is None
    assert client.put(path("L"), json={"granted": False}).status_code == 200
    answer = score(client, "L", **sent)
    assert {name: answer[name] for name in UNSCORED} == UNSCORED
    assert (answer["action"], answer["degraded"], answer["reasons"]) == ("proceed", False, [])
    assert answer["not_scored_because"] == "no_consent"
    assert answer["prospect_id"] == "L"
    assert answer["decision_id"]
    assert answer["title"] == "Not scored: no consent"
    assert "%" not in answer["message"]
    told = client.post("/v1/score?lang=ja", json={"prospect_id": "L"}).json()
    assert told["title"] == "判定なし：同意がありません"  # noqa: RUF001


def test_consent_lifts_it_and_finds_the_features_that_came_meanwhile(client: Client) -> None:
    client.put(path("L"), json={"granted": False})
    assert client.put(path("L", "features"), json=FEATURES).status_code == 200
    assert client.patch(path("L", "features"), json={"seats": 50}).status_code == 200
    assert score(client, "L")["not_scored_because"] == "no_consent"
    assert client.put(path("L"), json={"granted": True}).json()["not_scored_because"] is None
    answer = score(client, "L")
    assert answer["risk"]["score"] == score(client, "M", **{**FEATURES, "seats": 50})["risk"]["score"]
    assert answer["degraded"] is False


def test_what_was_said_is_shown_with_its_time_and_source(client: Client) -> None:
    assert client.get(path("L")).status_code == 404
    said = {"granted": False, "at": "2026-03-01T09:00:00+09:00", "source": "web form"}
    shown = client.put(path("L"), json=said).json()
    assert shown == {
        "prospect_id": "L",
        "granted": False,
        "at": "2026-03-01T00:00:00.000Z",
        "source": "web form",
        "not_scored_because": "no_consent",
    }
    assert client.get(path("L")).json() == shown


def test_the_last_word_stands_whichever_comes_last(client: Client) -> None:
    client.put(path("L"), json={"granted": False, "at": "2026-03-02T00:00:00Z"})
    late = client.put(path("L"), json={"granted": True, "at": "2026-03-01T00:00:00Z"}).json()
    assert (late["granted"], late["not_scored_because"]) == (False, "no_consent")
    newer = client.put(path("L"), json={"granted": True, "at": "2026-03-03T00:00:00Z"}).json()
    assert (newer["granted"], newer["not_scored_because"]) == (True, None)
    assert client.put(path("L"), json={"granted": False, "at": "2026-03-01T00:00:00Z"}).json() == newer


def test_a_clock_that_is_ahead_of_ours_does_not_outlast_the_next_word(client: Client) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    client.put(path("L"), json={"granted": True, "at": ahead})
    assert client.put(path("L"), json={"granted": False}).json()["granted"] is False


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"granted": "no"}, "$.granted"),
        ({"granted": False, "at": "2126-01-01T00:00:00Z"}, "$.at"),
        ({"granted": False, "at": "1969-12-31T23:59:59Z"}, "$.at"),
        ({"granted": False, "at": "0001-01-01T00:00:00+14:00"}, "$.at"),
        ({"granted": False, "at": "9999-12-31T23:59:59-14:00"}, "$.at"),
        ({"granted": False, "at": "2026-03-01T00:00:00"}, "$.at"),
        ({"granted": False, "source": "x" * 201}, "$.source"),
    ],
)
def test_what_cannot_be_consent_is_refused_and_changes_nothing(client: Client, body: Any, where: str) -> None:
    refused = client.put(path("L"), json=body)
    assert (refused.status_code, refused.json()["path"]) == (400, where)
    assert client.get(path("L")).status_code == 404


def test_in_a_batch_those_who_said_no_stand_among_the_others(client: Client) -> None:
    names = [f"P-{n}" for n in range(3 * CHUNK)]
    refused = {name for n, name in enumerate(names) if n % 3 == 0 or n >= 2 * CHUNK}  # the last chunk has nobody else
    client.post(
        "/v1/features/batch", json={"prospects": [{"prospect_id": name, "features": FEATURES} for name in names]}
    )
    for name in refused:
        client.put(path(name), json={"granted": False})
    body = {"prospects": [{"prospect_id": name} for name in names]}
    results = client.post("/v1/score/batch", json=body).json()["results"]
    assert [result["prospect_id"] for result in results] == names
    assert {result["prospect_id"] for result in results if result["not_scored_because"]} == refused
    [score] = {result["risk"]["score"] for result in results if result["risk"] is not None}
    assert score == client.post("/v1/score", json={"prospect_id": "P-1"}).json()["risk"]["score"]
    assert f'gatekeeper_not_scored_total{{because="no_consent"}} {len(refused)}.0' in client.get("/metrics").text


def test_requests_that_share_a_run_with_one_who_said_no_are_answered_as_alone(
    small_registry: Path, valkey: Valkey
) -> None:
    async def main() -> None:
        app = create_app(settings_for(small_registry, valkey.url))
        async with app.lifespan():
            resources: Resources = app.state.resources
            assessor = resources.live.assessor
            stored = {f"P-{n}": {"seats": n + 1, "monthly_charges": 20.0 * n + 10} for n in range(9)}
            await resources.features.put(stored, assessor.contract, 0.0)
            asked = [checked(assessor, ScoreRequest(name), Style("en")) for name in stored]
            alone = [await resources.ticks.join(assessor, each) for each in asked]
            await resources.consents.set("P-4", 1.0, "", granted=False)
            before = valkey_calls(valkey)
            together = await asyncio.gather(*(resources.ticks.join(assessor, each) for each in asked))
            assert valkey_calls(valkey) - before == {"mget": 1}
            for n, (was, now) in enumerate(zip(alone, together, strict=True)):
                assert now.prospect_id == was.prospect_id
                assert (now.risk, now.value) == ((None, None) if n == 4 else (was.risk, was.value))

    asyncio.run(main())


def valkey_calls(valkey: Valkey) -> Calls:
    """How often the store was asked what, but for looking that up."""
    with valkey.client() as client:
        stats: Any = client.info("commandstats")
    return Calls({name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in stats.items()})


class Calls(dict[str, int]):
    """Calls by command."""

    def __sub__(self, other: Calls) -> Calls:
        return Calls({name: more for name in self if (more := self[name] - other.get(name, 0)) and name not in LOOKING})


LOOKING = ("info", "client|setinfo", "hello", "xadd")  # recorded, which nobody waits for


def test_a_vector_that_is_made_anew_or_changed_never_takes_the_place_of_a_refusal(
    client: Client, valkey: Valkey
) -> None:
    client.put(path("L", "features"), json=FEATURES)
    client.put(path("L"), json={"granted": False})
    for change in (client.put, client.patch):
        change(path("L", "features"), json={"seats": 7})
        score(client, "L")
        with valkey.client() as redis:
            [key] = redis.keys("gk:default:v:*")
            assert redis.get(key) == b"no_consent"


def test_consent_needs_the_scope_for_features_and_the_store(client: Client, valkey: Valkey) -> None:
    del client.headers["Authorization"]
    assert client.put(path("L"), json={"granted": True}).status_code == 401
    assert client.get(path("L")).status_code == 401
    with valkey.client() as redis:
        assert redis.dbsize() == 0
