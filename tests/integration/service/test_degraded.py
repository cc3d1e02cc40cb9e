"""The store down or slow: scores go on without it, say so, and are whole again within a second of its return."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.app import client_of, settings_for
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

Client = TestClient[Litestar]
BODY = {"prospect_id": "L", "features": {"contract": "One year"}}
EVERYTHING = {"contract": "One year", "monthly_charges": 50, "paperless": True, "seats": 3}


def score(client: Client, body: dict[str, Any] = BODY) -> dict[str, Any]:
    response = client.post("/v1/score", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def impaired(client: Client) -> list[str]:
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    return [part["part"] for part in ready.json()["impaired"]]


def test_a_store_that_dies_degrades_scores_and_its_return_makes_them_whole(
    small_registry: Path, own_valkey: Valkey
) -> None:
    with client_of(settings_for(small_registry, own_valkey.url)) as client:
        client.put("/v1/prospects/L/features", json={"seats": 40, "monthly_charges": 90})
        whole = score(client)
        assert (whole["degraded"], whole["degraded_because"]) == (False, None)
        own_valkey.kill()
        for _ in range(5):
            alone = score(client)
            assert (alone["degraded"], alone["degraded_because"]) == (True, "store_unavailable")
            assert alone["missing"] == ["monthly_charges", "paperless", "seats"]
        assert impaired(client) == ["store"]
        own_valkey.start()
        eventually(lambda: not score(client)["degraded"], within_s=1.0)
        assert score(client)["risk"] == whole["risk"]
        assert impaired(client) == []


def test_a_slow_store_costs_a_request_its_time_out_and_soon_nothing(small_registry: Path, own_valkey: Valkey) -> None:
    with client_of(settings_for(small_registry, own_valkey.url, STORE_TIMEOUT_MS="50")) as client:
        score(client)
        own_valkey.freeze()
        for waits in (True, True, True, False, False):
            started = time.monotonic()
            assert score(client)["degraded_because"] == "store_unavailable"
            took_s = time.monotonic() - started
            assert took_s < 0.25
            assert took_s > 0.045 or not waits
        own_valkey.thaw()
        eventually(lambda: score(client)["degraded_because"] != "store_unavailable", within_s=1.0)


def test_an_answer_without_the_store_is_degraded_even_when_every_feature_was_sent(
    small_registry: Path, own_valkey: Valkey
) -> None:
    with client_of(settings_for(small_registry, own_valkey.url)) as client:
        whole = score(client, {"prospect_id": "L", "features": EVERYTHING})
        own_valkey.kill()
        alone = score(client, {"prospect_id": "L", "features": EVERYTHING})
        assert (whole["degraded"], alone["degraded"]) == (False, True)
        assert alone["risk"] == whole["risk"]


def test_features_cannot_be_written_or_read_without_the_store(small_registry: Path, own_valkey: Valkey) -> None:
    with client_of(settings_for(small_registry, own_valkey.url)) as client:
        own_valkey.kill()
        path = "/v1/prospects/L/features"
        batch = {"prospects": [{"prospect_id": "L", "features": {}}]}
        for _ in range(2):
            for response in (
                client.put(path, json={}),
                client.patch(path, json={}),
                client.get(path),
                client.delete(path),
                client.post("/v1/features/batch", json=batch),
            ):
                assert response.status_code == 503
                assert response.headers["retry-after"] == "1"
                assert response.json()["type"] == "urn:gatekeeper:store-unavailable"


def test_the_service_starts_without_its_store_and_finds_it_later(small_registry: Path, own_valkey: Valkey) -> None:
    own_valkey.kill()
    with client_of(settings_for(small_registry, own_valkey.url)) as client:
        assert impaired(client) == ["store"]
        assert score(client)["degraded"]
        own_valkey.start()
        eventually(lambda: not score(client)["degraded"], within_s=1.0)


def test_start_warns_of_a_store_that_forgets(
    small_registry: Path, own_valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_valkey.client() as redis:
        redis.config_set("appendonly", "no")
        redis.config_set("maxmemory-policy", "allkeys-lru")
    with client_of(settings_for(small_registry, own_valkey.url)):
        pass
    said = capsys.readouterr().out
    assert said.count("store.may_lose_features") == 2
