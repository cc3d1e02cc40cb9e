"""HubSpot's own interface: the stand-in is proved by the vendor's client, and ours by the stand-in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from hubspot import Client
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    SimplePublicObjectBatchInput,
    SimplePublicObjectInput,
)
from hubspot.crm.properties import OptionInput, PropertyCreate, PropertyGroupCreate

from service.crm import hubspot, hubspot_fields
from service.crm.account import Account, Field
from service.crm.client import api_client
from service.crm.interface import Record, Value
from service.crm.written import WRITTEN
from service.errors import Rejected, TryAgain
from tests.support.crm.hubspot import TOKEN, HubSpot
from tests.support.crm.standin import Answer, Held, Reset

Found = TypeVar("Found")
ROOT = Path(__file__).parents[4]


@pytest.fixture
def portal() -> Iterator[HubSpot]:
    with HubSpot() as portal:
        portal.contact(7, monthly_fee="70.5", contract_type="月額")
        yield portal


def account_at(portal: HubSpot, **more: Any) -> Account:
    stated: dict[str, Any] = {
        "secrets": ("s" * 36,),
        "api_url": portal.url,
        "token": TOKEN,
        "features": {"monthly_charges": Field("monthly_fee"), "contract": Field("contract_type")},
        "write_back": {name: f"gatekeeper_{name}" for name in WRITTEN},
    }
    return Account(crm="hubspot", **(stated | more))


def called(
    account: Account, call: Callable[[httpx.AsyncClient], Awaitable[Found]], timeout_s: float | None = None
) -> Found:
    async def run() -> Found:
        async with api_client(account) as client:
            if timeout_s is not None:
                client.timeout = httpx.Timeout(timeout_s)
            return await call(client)

    return asyncio.run(run())


def fetched(account: Account, record: str = "contacts/7") -> Record | None:
    return called(account, lambda client: hubspot.fetch(client, account, record))


def written(account: Account, fields: dict[str, Value], record: str = "contacts/7", **more: Any) -> None:
    called(account, lambda client: hubspot.write(client, account, record, fields), **more)


ASSESSMENT: dict[str, Value] = {
    "gatekeeper_risk_percent": 85,
    "gatekeeper_band": "high",
    "gatekeeper_ltv_minus": True,
    "gatekeeper_action": "do_not_chase",
    "gatekeeper_pltv": 212.4,
    "gatekeeper_reasons": "契約形態 Month-to-month +20.4",
    "gatekeeper_model_version": "3f2a",
    "gatekeeper_scored_at": "2026-11-21T02:00:00Z",
}

DATED = {"Retry-After": "Sat, 21 Nov 2026 02:00:09 GMT", "Date": "Sat, 21 Nov 2026 02:00:00 GMT"}


def test_the_stand_in_speaks_with_the_vendors_own_client(portal: HubSpot) -> None:
    client = Client.create(access_token=TOKEN, host=portal.url)
    client.crm.properties.groups_api.create("contacts", PropertyGroupCreate(name="theirs", label="Theirs"))
    client.crm.properties.core_api.create(
        "contacts",
        PropertyCreate(
            name="risk", label="Risk", group_name="theirs", type="enumeration", field_type="select",
            options=[OptionInput(label="High", value="high", display_order=0, hidden=False)],
        ),
    )  # fmt: skip
    contacts = client.crm.contacts
    contacts.basic_api.update("7", SimplePublicObjectInput(properties={"risk": "high"}))
    read = contacts.basic_api.get_by_id("7", properties=["risk", "monthly_fee"])
    assert (read.properties["risk"], read.properties["monthly_fee"]) == ("high", "70.5")
    assert abs((datetime.now(UTC) - read.updated_at).total_seconds()) < 60
    for fields, status in (({"risk": "purple"}, 400), ({"nothing": "x"}, 400)):
        with pytest.raises(ApiException) as caught:
            contacts.basic_api.update("7", SimplePublicObjectInput(properties=fields))
        assert caught.value.status == status
    many = [SimplePublicObjectBatchInput(id=str(n), properties={}) for n in range(101)]
    with pytest.raises(ApiException, match="BATCH"):
        contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=many))
    one = [SimplePublicObjectBatchInput(id="7", properties={"risk": ""})]
    assert contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=one)).status == "COMPLETE"
    with pytest.raises(ApiException) as caught:
        Client.create(access_token="nobody", host=portal.url).crm.contacts.basic_api.get_by_id("7")  # noqa: S106
    assert caught.value.status == 401


def test_a_record_is_fetched_with_the_fields_of_the_mapping_alone(portal: HubSpot) -> None:
    account = account_at(portal)
    record = fetched(account)
    assert record is not None
    assert (record.fields["monthly_fee"], record.fields["contract_type"]) == ("70.5", "月額")
    assert abs(record.as_of - datetime.now(UTC).timestamp()) < 60
    assert portal.received[-1].query == {"properties": "contract_type,monthly_fee"}


def test_a_record_that_is_gone_is_none(portal: HubSpot) -> None:
    account = account_at(portal)
    assert fetched(account, "contacts/8") is None


def test_installed_properties_take_an_assessment(portal: HubSpot) -> None:
    account = account_at(portal)
    install = lambda client: hubspot_fields.create_fields(client, account)  # noqa: E731
    assert set(called(account, install).values()) == {"created"}
    assert set(called(account, install).values()) == {"exists"}
    written(account, ASSESSMENT)
    kept = portal.contacts["7"]
    assert (kept["gatekeeper_risk_percent"], kept["gatekeeper_ltv_minus"]) == ("85", "true")
    assert kept["gatekeeper_reasons"] == ASSESSMENT["gatekeeper_reasons"]


def test_what_is_not_known_clears_its_property(portal: HubSpot) -> None:
    account = account_at(portal)
    called(account, lambda client: hubspot_fields.create_fields(client, account))
    written(account, ASSESSMENT | {"gatekeeper_pltv": None, "gatekeeper_ltv_minus": None})
    assert portal.contacts["7"]["gatekeeper_pltv"] == portal.contacts["7"]["gatekeeper_ltv_minus"] == ""


def test_labels_are_in_the_accounts_language(portal: HubSpot) -> None:
    fields = {field["name"]: field for field in hubspot_fields.fields_to_create(account_at(portal, language="ja"))}
    assert fields["gatekeeper_ltv_minus"]["label"] == "LTVマイナス顧客"
    assert fields["gatekeeper_band"]["type"] == "enumeration"


@pytest.mark.parametrize(
    ("fault", "after_s"),
    [
        (Answer(429, {"errorType": "RATE_LIMIT"}, {"Retry-After": "3"}), 3.0),
        (Answer(429, None, DATED), 9.0),
        (Answer(429, None, {"Retry-After": "soon"}), None),
        (Answer(502, b"<html>"), None),
        (Answer(408), None),
        (Reset(), None),
    ],
)
def test_busy_is_worth_another_try(portal: HubSpot, fault: Answer | Reset, after_s: float | None) -> None:
    portal.fail(fault)
    with pytest.raises(TryAgain) as caught:
        written(account_at(portal), {"monthly_fee": "1"})
    assert caught.value.after_s == after_s


def test_a_crm_that_does_not_answer_is_worth_another_try(portal: HubSpot) -> None:
    portal.fail(Held())
    with pytest.raises(TryAgain, match="ReadTimeout"):
        written(account_at(portal), {"monthly_fee": "1"}, timeout_s=0.1)
    with pytest.raises(TryAgain, match="ConnectError"):
        written(account_at(portal, api_url="http://127.0.0.1:1"), {})


def test_more_requests_than_the_portals_limit_are_told_when_to_come_again() -> None:
    with HubSpot(limit=2) as portal:
        portal.contact(7, monthly_fee="1")
        account = account_at(portal)
        for _ in range(2):
            written(account, {"monthly_fee": "2"})
        with pytest.raises(TryAgain, match="429 RATE_LIMIT") as caught:
            written(account, {"monthly_fee": "3"})
        assert caught.value.after_s == 10.0


@pytest.mark.parametrize(
    ("more", "fields", "record", "said"),
    [
        ({"token": "nobody"}, {"monthly_fee": "1"}, "contacts/7", "401 INVALID_AUTHENTICATION"),
        ({}, {"no_such_property": "hush"}, "contacts/7", "400 VALIDATION_ERROR"),
        ({}, {"monthly_fee": "1"}, "contacts/8", "404 OBJECT_NOT_FOUND"),
    ],
)
def test_a_refusal_for_good_names_the_reason_and_no_value(
    portal: HubSpot, more: dict[str, Any], fields: dict[str, Value], record: str, said: str
) -> None:
    with pytest.raises(Rejected, match=said) as caught:
        written(account_at(portal, **more), fields, record)
    assert "hush" not in str(caught.value)
    assert record not in str(caught.value)


def test_no_redirect_is_followed(portal: HubSpot) -> None:
    portal.fail(Answer(307, None, {"Location": f"{portal.url}/elsewhere"}))
    with pytest.raises(Rejected, match="307"):
        written(account_at(portal), {"monthly_fee": "1"})
    assert len(portal.received) == 1


def test_a_killed_stand_in_has_what_it_took_when_it_starts_again(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b'{"id":"7","properties":{"monthly_fee":"1"},"at":1795226400000}\n')
    command = [sys.executable, "-m", "tests.support.crm.hubspot", "--journal", str(journal)]
    for before in ("1", "2"):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            account = Account(
                crm="hubspot", secrets=(), api_url=url, token=TOKEN, features={"fee": Field("monthly_fee")}
            )
            record = fetched(account)
            assert record is not None
            assert record.fields["monthly_fee"] == before
            written(account, {"monthly_fee": "2"})
            process.kill()
