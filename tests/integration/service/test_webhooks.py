"""An event's path: from a CRM's webhook to the assessment in the CRM's record, each event once."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.settings import Settings
from tests.support.app import client_of, settings_for
from tests.support.crm.hubspot import HubSpot
from tests.support.crm.standin import Answer, Reset
from tests.support.valkey import Valkey
from tests.support.waiting import eventually
from tests.support.webhooks import change, signed, working, write_account

Client = TestClient[Litestar]
Post = Callable[..., Any]
NOW_MS = 1_790_000_000_000
PATH = "/v1/webhooks/hubspot"


@pytest.fixture
def portal() -> Iterator[HubSpot]:
    with HubSpot() as portal:
        portal.contact(7, monthly_fee="70.5", contract_type="Month-to-month", seats="3")
        for name in ("risk_percent", "band", "ltv_minus", "action", "pltv", "reasons", "model_version", "scored_at"):
            portal.contact(7, **{f"gatekeeper_{name}": ""})
        yield portal


@pytest.fixture
def settings(small_registry: Path, valkey: Valkey, portal: HubSpot, tmp_path: Path) -> Settings:
    return settings_for(small_registry, valkey.url, CRM_DIR=str(write_account(tmp_path / "crm", portal.url)))


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with client_of(settings) as client:
        yield client


def post(client: Client, *changes: Any, status: int = 200) -> Any:
    body, headers = signed(changes)
    answer = client.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def everything(record: int, at_ms: int = NOW_MS) -> list[Any]:
    """All features of a contact, one change each."""
    values = {"monthly_fee": "70.5", "contract_type": "Month-to-month", "seats": "3"}
    return [change(record, name, value, at_ms=at_ms, event=at_ms) for name, value in values.items()]


def stored(client: Client, prospect: int) -> Any:
    answer = client.get(f"/v1/prospects/{prospect}/features")
    return answer.json()["features"] if answer.status_code == 200 else None


def queued(valkey: Valkey) -> int:
    """Jobs that wait, are due later, or are being done."""
    with valkey.client() as redis:
        return int(redis.xlen("gk:default:q")) + int(redis.zcard("gk:default:q:later"))


def test_a_thin_event_of_somebody_unknown_is_queued_and_the_worker_fetches_scores_and_writes_back(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    [outcome] = post(client, change(7, at_ms=NOW_MS))["results"]
    assert outcome == {"prospect_id": "7", "status": "queued"}
    with working(settings):
        [(record, written)] = eventually(lambda: portal.writes)
        eventually(lambda: queued(valkey) == 0)
    assert stored(client, 7) == {"monthly_charges": 70.5, "contract": "Month-to-month", "seats": 3}
    answer = client.post("/v1/score", json={"prospect_id": "7"}).json()
    assert record == "7"
    assert written["gatekeeper_risk_percent"] == str(answer["risk"]["percent"])
    assert written["gatekeeper_band"] == answer["risk"]["band"]
    assert written["gatekeeper_model_version"] == answer["model"]["version"]
    with valkey.client() as redis:
        assert not redis.keys("gk:default:w:*")
        assert not redis.keys("gk:default:l:*")
