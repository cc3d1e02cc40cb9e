"""A lead's path in Salesforce: from the Outbound Message to the assessment in its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.crm.install import install
from service.crm.salesforce_message import ACKNOWLEDGED
from service.crm.written import WRITTEN
from service.settings import Settings
from tests.support.app import client_of, settings_for
from tests.support.crm.salesforce import CLIENT, INTEGRATION, ORGANIZATION, Salesforce
from tests.support.valkey import Valkey
from tests.support.waiting import eventually
from tests.support.webhooks import working

Client = TestClient[Litestar]
SECRET = "a-secret-of-the-URL"  # noqa: S105
PATH = "/v1/webhooks/salesforce"
FEATURES = {"monthly_charges": "Monthly_Fee__c", "contract": "Contract_Type__c", "seats": "NumberOfEmployees"}
WRITE_BACK = {name: f"Gatekeeper_{name.title()}__c" for name in WRITTEN}
XML = {"Content-Type": "text/xml; charset=utf-8"}


@pytest.fixture
def org() -> Iterator[Salesforce]:
    with Salesforce() as org:
        yield org


@pytest.fixture
def settings(small_registry: Path, valkey: Valkey, org: Salesforce, tmp_path: Path) -> Settings:
    """An account that gets its access tokens by itself, whose fields the command has made."""
    tables: dict[str, dict[str, Any]] = {
        "account": {
            "secrets_file": "secrets",
            "token_file": "token",
            "ids": [ORGANIZATION[:15]],
            "api_url": org.url,
            "language": "ja",
        },
        "options": {"oauth": "client_credentials", "user_id": INTEGRATION},
        "features": FEATURES,
        "write_back": WRITE_BACK,
    }
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()))
    ]
    for name, text in {
        "secrets": SECRET,
        "token": ":".join(CLIENT.values()),
        "salesforce.toml": "\n".join(lines),
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o600)
    settings = settings_for(small_registry, valkey.url, CRM_DIR=str(tmp_path))
    assert "created" in str(install("salesforce", settings, create=True))
    return settings


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with client_of(settings) as client:
        yield client


def post(client: Client, body: bytes) -> None:
    answer = client.post(f"{PATH}/{SECRET}", content=body, headers=XML)
    assert (answer.status_code, answer.content) == (200, ACKNOWLEDGED), answer.text
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"


def test_a_lead_that_a_person_typed_in_gets_its_assessment_once(
    client: Client, settings: Settings, org: Salesforce
) -> None:
    lead = org.lead(1, Monthly_Fee__c="70.5", Contract_Type__c="Month-to-month", NumberOfEmployees=3)
    said = org.message(lead)
    with working(settings):
        post(client, said)
        eventually(lambda: org.writes, 10)
        post(client, said)
        post(client, org.message(lead, first=2))  # our own change, told by a message of its own
        other = org.lead(2, Monthly_Fee__c="20")
        post(client, org.message(other, first=3))
        eventually(lambda: len(org.writes) > 1, 10)
    (first, fields), (second, _) = org.writes
    assert (first, second) == (lead, other)
    assert fields.keys() == set(WRITE_BACK.values())
    assert fields[WRITE_BACK["band"]] in {"low", "medium", "high"}
    answer = client.post("/v1/score", json={"prospect_id": lead}).json()
    assert fields[WRITE_BACK["risk_percent"]] == answer["risk"]["percent"]
    stored = client.get(f"/v1/prospects/{lead}/features").json()["features"]
    assert stored == {"monthly_charges": 70.5, "contract": "Month-to-month", "seats": 3}


def test_an_older_state_that_comes_late_changes_nothing(client: Client, org: Salesforce) -> None:
    lead = org.lead(1, Monthly_Fee__c="70.5", Contract_Type__c="One year")
    older = org.message(lead)
    org.lead(1, Monthly_Fee__c="90", Contract_Type__c=None)
    post(client, org.message(lead, first=2))
    post(client, older)
    stored = client.get(f"/v1/prospects/{lead}/features").json()["features"]
    assert stored == {"monthly_charges": 90}, "the contract stays empty"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/another-secret-of-the-URL", f"{PATH}/{SECRET}x", f"{PATH}/%00"])
def test_a_message_without_the_secret_is_refused(client: Client, org: Salesforce, path: str) -> None:
    answer = client.post(path, content=org.message(org.lead(1)), headers=XML)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:gatekeeper:forged")


def test_a_message_that_is_none_is_refused_with_the_place(client: Client) -> None:
    answer = client.post(f"{PATH}/{SECRET}", content=b"<!DOCTYPE x><x/>", headers=XML)
    assert (answer.status_code, answer.json()["path"]) == (400, "/")
