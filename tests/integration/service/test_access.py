"""The access report says all that is kept of one person, and nothing of anybody else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.keys import keyring_from, new_key
from tests.support.app import resources_in
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
PERSON = "taro yamada/4711"
URL = "/v1/prospects/taro%20yamada%2F4711/"
ANSWER = {"status": "scored", "action": "review"}
DAY_S = 86_400


def report(client: Client) -> dict[str, Any]:
    response = client.get(URL + "export")
    assert response.status_code == 200
    made: dict[str, Any] = response.json()
    return made


def seconds(rfc3339: str) -> float:
    return datetime.fromisoformat(rfc3339).timestamp()


def test_everything_that_is_kept_is_told(client: Client, valkey: Valkey) -> None:
    client.put("/v1/prospects/somebody-else/features", json={"seats": 400})
    put = client.put(URL + "features", json={"contract": "One year", "monthly_charges": 12.5}).json()
    patched = client.patch(URL + "features", json={"seats": 7, "contract": None}).json()
    said = client.put(URL + "consent", json={"granted": False, "source": "by phone"}).json()
    resources = resources_in(client)
    keys = resources.persons.keys(PERSON)
    with valkey.client() as redis:
        redis.zadd(keys.claims, {"aa": 1_790_000_000.5, "bb": 1_790_000_001, "cc": 1_790_000_002})
        redis.expire(keys.claims, 7 * DAY_S)
        redis.set("gk:default:e:aa", msgspec.json.encode(ANSWER))
        redis.set("gk:default:e:bb", "")  # under way; the third is over
        redis.hset(keys.write_back, mapping={"rev": "3", "crm": "hubspot", "record": "contacts/62", "fetch": "1"})

    async def exporter(hidden: str) -> object:
        return [{"choice": "declined", "of": hidden == resources.persons.hidden(PERSON)}]

    async def nothing(_hidden: str) -> object:
        return None

    resources.exporters |= {"decisions": exporter, "outcomes": nothing}
    made = report(client)
    assert made["prospect_id"] == PERSON
    assert made["features"] == {
        "monthly_charges": {"value": 12.5, "as_of": put["features_as_of"]},
        "seats": {"value": 7, "as_of": patched["features_as_of"]},
    }
    assert made["features_as_of"] == patched["features_as_of"]
    assert made["consent"] == {name: value for name, value in said.items() if name != "prospect_id"}
    assert made["webhook_answers"] == [
        {"at": "2026-09-21T14:13:20.500Z", "answer": ANSWER},
        {"at": "2026-09-21T14:13:21.000Z", "answer": None},
    ]
    assert made["write_back"] == {"rev": "3", "crm": "hubspot", "record": "contacts/62", "fetch": "1"}
    assert made["records"] == {"decisions": [{"choice": "declined", "of": True}]}


def test_how_long_each_kind_is_kept_is_told(client: Client, valkey: Valkey) -> None:
    client.put(URL + "features", json={"seats": 7})
    client.put(URL + "consent", json={"granted": True})
    keys = resources_in(client).persons.keys(PERSON)
    with valkey.client() as redis:
        redis.zadd(keys.claims, {"aa": 1_790_000_000})
        redis.expire(keys.claims, 7 * DAY_S)
        redis.hset(keys.write_back, "rev", "1")
    made = report(client)
    retention = made["retention"]
    days = {kind: kept["days"] for kind, kept in retention.items()}
    assert days == {"features": 400, "vector": 400, "consent": 3650, "claims": 7, "write_back": None}
    for kept in retention.values():
        if kept["days"]:
            left_s = seconds(kept["until"]) - seconds(made["made_at"])
            assert left_s == pytest.approx(kept["days"] * DAY_S, abs=60)
    assert retention["write_back"]["until"] is None
    client.put(URL + "consent", json={"granted": False})
    refused = report(client)["retention"]
    assert refused["consent"] == refused["vector"] == {"days": None, "until": None}


def test_features_from_before_their_times_were_kept_are_told_without(client: Client, valkey: Valkey) -> None:
    client.put(URL + "features", json={"seats": 7})
    with valkey.client() as redis:
        redis.hdel(resources_in(client).persons.keys(PERSON).features, "@put")
    assert report(client)["features"] == {"seats": {"value": 7, "as_of": None}}


def test_of_whom_nothing_is_kept_there_is_no_report(client: Client) -> None:
    unknown = client.get(URL + "export")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:gatekeeper:unknown-prospect")


def test_of_the_erased_the_report_says_when_and_that_nothing_else_is_left(client: Client) -> None:
    client.put(URL + "features", json={"seats": 7})
    client.delete(URL + "features")
    made = report(client)
    assert (made["features"], made["webhook_answers"], made["write_back"]) == ({}, [], None)
    assert made["consent"]["not_scored_because"] == "erased"
    assert abs(seconds(made["consent"]["at"]) - datetime.now(UTC).timestamp()) < 60
    assert made["retention"].keys() == {"vector", "consent"}
    assert {kept["days"] for kept in made["retention"].values()} == {3650}


def test_a_report_takes_an_admin(client: Client) -> None:
    key, line = new_key("crm", ["score", "features", "decide"])
    resources_in(client).keyring = keyring_from(line)
    client.headers["Authorization"] = f"Bearer {key}"
    assert client.get(URL + "export").status_code == 403
