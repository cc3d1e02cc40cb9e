"""Health, failures of our own, and what the log says of them."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.app import resources_in
from tests.support.valkey import Valkey

Client = TestClient[Litestar]


def test_a_draining_process_is_not_ready_and_still_answers(client: Client) -> None:
    assert client.get("/health/ready").status_code == 200
    resources_in(client).draining = True
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert [part["part"] for part in ready.json()["impaired"]] == ["process"]
    assert client.get("/health/live").status_code == 200
    assert client.post("/v1/score", json={"prospect_id": "L"}).status_code == 200


def test_a_failure_of_ours_is_a_500_without_a_trace_and_is_logged_without_its_text(
    client: Client, valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    client.put("/v1/prospects/L/features", json={"seats": 3})
    with valkey.client() as redis:
        keys: Any = redis.keys("gk:default:f:*")
        redis.hset(keys[0], ":seats", "taro-yamada")
    response = client.get("/v1/prospects/L/features")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:gatekeeper:internal",
        "title": "Internal error",
        "status": 500,
        "detail": "the fault is ours; it was logged",
    }
    said = capsys.readouterr().out
    assert "DecodeError" in said
    assert "features.py" in said
    assert "taro-yamada" not in said


def test_every_metric_that_moved_is_one_that_is_documented(client: Client) -> None:
    client.put("/v1/prospects/L/features", json={"seats": 3})
    client.post("/v1/score", json={"prospect_id": "L"})
    text = client.get("/metrics").text
    assert 'gatekeeper_requests_total{method="POST",route="/v1/score",status="200"} 1.0' in text
    assert 'gatekeeper_assessments_total{action="proceed",band="low",degraded="no"} 1.0' in text
    assert "gatekeeper_model_swaps_total 1.0" in text
    assert "L-1" not in text
