"""Salesforce: who is believed, what its messages say, and what is read from and written into its records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.crm import salesforce, salesforce_fields
from service.crm.account import Account, Field
from service.crm.client import api_client
from service.crm.interface import Delivery, Record, Value
from service.crm.written import WRITTEN
from service.errors import BadInput, Forged, Rejected, TryAgain
from tests.support.crm.salesforce import (
    CLIENT,
    INTEGRATION,
    ORGANIZATION,
    TOKEN,
    Salesforce,
    message,
    notification,
)
from tests.support.crm.standin import Answer, Held, Reset

T = TypeVar("T")
SECRET, NEXT_SECRET = "a-secret_of-the-tests", "the-secret_that-comes-next"
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
LEAD = "00QD000000FHLhqMAH"
TIME = "<sf:SystemModstamp>2026-11-21T02:00:00.000Z</sf:SystemModstamp>"
WRITE_BACK = {name: f"Gatekeeper_{name.title()}__c" for name in WRITTEN}
ASSESSMENT: dict[str, Value] = {
    "risk_percent": 85,
    "band": "high",
    "ltv_minus": True,
    "action": "do_not_chase",
    "pltv": 212.4,
    "reasons": "契約形態 +20.4\n月額料金 +8.1",
    "model_version": "telco/1a2b3c",
    "scored_at": "2026-11-21T02:00:00.123Z",
}


def account(**more: Any) -> Account:
    stated = {
        "crm": "salesforce",
        "secrets": (SECRET, NEXT_SECRET),
        "ids": frozenset({ORGANIZATION[:15]}),
        "token": TOKEN,
        "features": {"contract": Field("Contract__c"), "seats": Field("NumberOfEmployees")},
        "write_back": WRITE_BACK,
    }
    return Account(**{**stated, **more})


def delivery(body: bytes = b"", secret: str = SECRET) -> Delivery:
    return Delivery("POST", f"/v1/webhooks/salesforce/{secret}", {}, body, secret)


@pytest.fixture
def org() -> Iterator[Salesforce]:
    with Salesforce() as started:
        yield started


def calling(org: Salesforce, call: Callable[[httpx.AsyncClient, Account], Awaitable[T]], **more: Any) -> T:
    """What a call says to the organization that stands in."""

    async def run() -> T:
        stated = account(api_url=org.url, **more)
        async with api_client(stated) as client:
            client.timeout = httpx.Timeout(5, read=0.3)
            return await call(client, stated)

    return asyncio.run(run())


def fetched(org: Salesforce, lead_id: str, **more: Any) -> Record | None:
    return calling(org, lambda client, stated: salesforce.fetch(client, stated, f"Lead/{lead_id}"), **more)


def write(org: Salesforce, lead_id: str, fields: Mapping[str, Value]) -> None:
    calling(org, lambda client, stated: salesforce.write(client, stated, f"Lead/{lead_id}", fields))


def install(org: Salesforce) -> Mapping[str, str]:
    return calling(org, salesforce_fields.create_fields)


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
def test_each_secret_of_a_rotation_is_believed(secret: str) -> None:
    salesforce.verify(delivery(secret=secret), account(), NOW)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(st.characters(), max_size=40) | st.integers(0, len(SECRET) - 1).map(lambda n: SECRET[:n]))
@example("")
@example(SECRET + "x")
@example("\ud800")
def test_no_other_secret_is_believed(secret: str) -> None:
    if secret not in (SECRET, NEXT_SECRET):
        with pytest.raises(Forged):
            salesforce.verify(delivery(secret=secret), account(), NOW)


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_an_account_without_a_secret_believes_nobody(secrets: tuple[str, ...]) -> None:
    with pytest.raises(Forged):
        salesforce.verify(delivery(secret=""), account(secrets=secrets), NOW)


def test_a_message_becomes_one_event_for_each_record() -> None:
    inner = f"{TIME}<sf:Contract__c>One year</sf:Contract__c><sf:NumberOfEmployees>12</sf:NumberOfEmployees>"
    other = "00QD000000FHLhrMAH"
    body = message(notification(inner, record=LEAD[:15]), notification(TIME, number=2, record=other))
    first, second = salesforce.parse(delivery(body), account(prefix="sf-")).events
    assert (first.prospect_id, first.record) == (f"sf-{LEAD}", f"Lead/{LEAD}")
    assert (second.prospect_id, second.record) == (f"sf-{other}", f"Lead/{other}")
    assert first.occurred_at == NOW.timestamp()
    assert first.fields == {"Contract__c": "One year", "NumberOfEmployees": "12"}
    assert second.fields == {"Contract__c": None, "NumberOfEmployees": None}, "an empty field is left out of a message"
    assert first.key != second.key
    assert not first.erase


def test_a_repeat_has_the_same_key_though_it_comes_in_another_message(org: Salesforce) -> None:
    one, two = org.lead(1), org.lead(2)
    together = salesforce.parse(delivery(org.message(one, two)), account()).events
    alone = salesforce.parse(delivery(org.message(two, first=2)), account()).events
    assert [event.key for event in alone] == [together[1].key]


def test_another_organization_is_not_believed() -> None:
    body = message(notification(TIME, record=LEAD), organization="00D000000000063EAA")
    for ids in (frozenset({ORGANIZATION}), frozenset[str]()):
        with pytest.raises(Forged):
            salesforce.parse(delivery(body), account(ids=ids))


def test_other_kinds_of_records_are_passed_over() -> None:
    body = message(
        notification(TIME, record=LEAD), notification(TIME, kind="sf:Contact", record="0030000000000001AAA"[:15])
    )
    parsed = salesforce.parse(delivery(body), account())
    assert ([event.record for event in parsed.events], parsed.ignored) == ([f"Lead/{LEAD}"], 1)
    contacts = salesforce.parse(delivery(body), account(options={"object": "Contact"}))
    assert [event.record.partition("/")[0] for event in contacts.events] == ["Contact"]


@pytest.mark.parametrize("user_id", [INTEGRATION, INTEGRATION[:15]])
def test_what_we_have_written_does_not_come_back(org: Salesforce, user_id: str) -> None:
    install(org)
    ours, theirs = org.lead(1), org.lead(2)
    write(org, ours, {"Gatekeeper_Risk_Percent__c": 85})
    parsed = salesforce.parse(delivery(org.message(ours, theirs)), account(options={"user_id": user_id}))
    assert ([event.record for event in parsed.events], parsed.ignored) == ([f"Lead/{theirs}"], 1)
    everything = salesforce.parse(delivery(org.message(ours, theirs)), account())
    assert everything.ignored == 0


@pytest.mark.parametrize(
    ("fields", "options", "expected"),
    [
        ("<sf:LastModifiedDate>2026-11-21T02:00:00.000Z</sf:LastModifiedDate>", {}, NOW),
        (f"<sf:LastModifiedDate>2026-11-21T01:00:00Z</sf:LastModifiedDate>{TIME}", {}, NOW),
        (f"<sf:At__c>2026-11-21T11:00:00+0900</sf:At__c>{TIME}", {"occurred_field": "At__c"}, NOW),
    ],
)
def test_the_time_of_a_change_is_the_records(fields: str, options: dict[str, str], expected: datetime) -> None:
    (event,) = salesforce.parse(delivery(message(notification(fields, record=LEAD))), account(options=options)).events
    assert event.occurred_at == expected.timestamp()


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-21", "2026-11-21T02:00:00", "0001-01-01T00:00:00+23:59"])
def test_a_message_without_a_time_is_refused_with_the_place(time: str) -> None:
    body = message(notification(f"<sf:SystemModstamp>{time}</sf:SystemModstamp>", record=LEAD))
    if time.startswith("0001"):
        assert salesforce.parse(delivery(body), account()).events[0].occurred_at < 0
        return
    with pytest.raises(BadInput) as refused:
        salesforce.parse(delivery(body), account())
    assert refused.value.path == "/Envelope/Body/notifications/Notification[1]/sObject/SystemModstamp"


def test_a_message_is_acknowledged_whatever_came_of_it() -> None:
    reply = salesforce.acknowledge([msgspec.Raw(b"{}")], 3)
    assert reply.media_type == "text/xml"
    assert b"<Ack>true</Ack>" in reply.body


def test_a_record_is_fetched_with_the_fields_of_the_mapping_and_its_time(org: Salesforce) -> None:
    lead = org.lead(1, Contract__c="One year", NumberOfEmployees=12.0, LastName="Sato")
    record = fetched(org, lead)
    assert record == Record({"Contract__c": "One year", "NumberOfEmployees": 12.0}, org.now.timestamp())
    (event,) = salesforce.parse(delivery(org.message(lead)), account()).events
    assert event.occurred_at == record.as_of, "a message and the interface say the same time"


@pytest.mark.parametrize("deleted", [True, False])
def test_a_record_that_is_gone_is_none_to_fetch_and_a_refusal_to_write(org: Salesforce, *, deleted: bool) -> None:
    lead = LEAD
    org.lead(1, Contract__c="One year")
    if deleted:
        lead = org.lead(2)
        org.delete(lead)
    assert fetched(org, lead) is None
    with pytest.raises(Rejected):
        write(org, lead, {"Company": "Sato"})


def test_a_field_that_salesforce_does_not_know_is_a_refusal_that_names_the_fault(org: Salesforce) -> None:
    lead = org.lead(1)
    with pytest.raises(Rejected, match="GET: answered 400 INVALID_FIELD"):
        fetched(org, lead)
    with pytest.raises(Rejected, match="PATCH: answered 400 INVALID_FIELD"):
        write(org, lead, {"Gatekeeper_Band__c": "high"})


def test_an_assessment_is_written_into_fields_that_the_command_has_made(org: Salesforce) -> None:
    lead = org.lead(1, Company="Sato")
    assert set(install(org).values()) == {"created"}
    fields = {WRITE_BACK[name]: value for name, value in ASSESSMENT.items()}
    write(org, lead, fields)
    assert org.writes == [(lead, fields)]
    assert org.leads[lead]["Company"] == "Sato"
    write(org, lead, {WRITE_BACK["pltv"]: None})
    assert org.leads[lead][WRITE_BACK["pltv"]] is None


def test_fields_that_exist_are_left_as_they_are(org: Salesforce) -> None:
    install(org)
    assert set(install(org).values()) == {"exists"}


def test_fields_that_came_with_salesforce_are_not_made() -> None:
    fields = salesforce_fields.fields_to_create(account(write_back={"reasons": "Description", "band": "Band__c"}))
    assert [field["FullName"] for field in fields] == ["Lead.Band__c"]


@pytest.mark.parametrize(
    ("fault", "after_s"),
    [
        (Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]), None),
        (Answer(400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]), None),
        (Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]), None),
        (Answer(429, [{"errorCode": "TOO_MANY", "message": ""}], {"Retry-After": "7"}), 7.0),
        (Answer(503, b"<html>maintenance</html>", {"Retry-After": "30"}), 30.0),
        (Reset(), None),
        (Held(), None),
    ],
)
def test_what_passes_is_tried_again(org: Salesforce, fault: Answer | Reset | Held, after_s: float | None) -> None:
    lead = org.lead(1, Contract__c="One year")
    org.fail(fault, fault)
    with pytest.raises(TryAgain) as not_read:
        fetched(org, lead)
    with pytest.raises(TryAgain) as not_written:
        write(org, lead, {"Company": "Sato"})
    assert (not_read.value.after_s, not_written.value.after_s) == (after_s, after_s)
    assert fetched(org, lead) is not None


def test_a_limit_of_the_organization_is_tried_again() -> None:
    with Salesforce(limit=1) as org:
        lead = org.lead(1, Contract__c="One year")
        assert fetched(org, lead) is not None
        with pytest.raises(TryAgain, match="REQUEST_LIMIT_EXCEEDED"):
            fetched(org, lead)


CREDENTIALS = {"token": ":".join(CLIENT.values()), "options": {"oauth": "client_credentials"}}


def test_access_tokens_are_got_with_the_first_request_and_again_when_they_are_over(org: Salesforce) -> None:
    lead = org.lead(1, Contract__c="One year")
    org.tokens.clear()

    async def both(client: httpx.AsyncClient, stated: Account) -> list[Record | None]:
        found = [await salesforce.fetch(client, stated, f"Lead/{lead}") for _ in range(2)]
        org.tokens.clear()
        together = await asyncio.gather(*[salesforce.fetch(client, stated, f"Lead/{lead}") for _ in range(5)])
        return [*found, *together]

    assert None not in calling(org, both, **CREDENTIALS)
    assert org.granted == 2
    assert set(calling(org, salesforce_fields.create_fields, **CREDENTIALS).values()) == {"created"}


def test_credentials_go_nowhere_but_to_the_path_that_grants_tokens(org: Salesforce) -> None:
    lead = org.lead(1, Contract__c="One year")
    fetched(org, lead, **CREDENTIALS)
    granting, *others = org.received
    assert granting.path == "/services/oauth2/token"
    for other in others:
        assert CLIENT["client_secret"] not in f"{other.headers}{other.query}"


def test_credentials_that_are_wrong_are_a_refusal(org: Salesforce) -> None:
    with pytest.raises(Rejected):
        fetched(org, LEAD, **{**CREDENTIALS, "token": "3MVG9.stand.in:another"})
    org.fail(Answer(200, b"{}"))
    with pytest.raises(Rejected, match="no access token"):
        fetched(org, LEAD, **CREDENTIALS)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"SystemModstamp": "then"}', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_record_is_a_refusal(org: Salesforce, body: bytes) -> None:
    org.fail(Answer(200, body))
    with pytest.raises(Rejected):
        fetched(org, LEAD)


def test_a_refusal_never_repeats_what_was_sent(org: Salesforce) -> None:
    lead = org.lead(1)
    org.fail(Answer(400, [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize hush"}]))
    with pytest.raises(Rejected) as refused:
        write(org, lead, {"Company": "hush"})
    assert "hush" not in str(refused.value)
    assert lead not in str(refused.value)
