"""Pipedrive: what is proved, what an event says, and what goes back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm import pipedrive
from service.crm.account import Account, Field
from service.crm.client import api_client
from service.crm.interface import Delivery, Event, Record, Value
from service.errors import BadInput, Forged, Rejected, TryAgain
from tests.support.crm.mutations import changed
from tests.support.crm.pipedrive import (
    COMPANY,
    DAY,
    LARGE_TEXT,
    LIMITED,
    NUMBER,
    OPTION,
    TEXT,
    TOKEN,
    Pipedrive,
    webhook,
)
from tests.support.crm.standin import Answer, Held, Reset

Result = TypeVar("Result")

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PERSON = {"id": 7, "name": "A", "update_time": "2026-11-21T01:59:00Z", "custom_fields": {NUMBER: 12.5, OPTION: 29}}
LEAD_ID = "adf21080-0e10-11eb-879b-05d71fb426ec"
LEAD = {"id": LEAD_ID, "title": "A", "update_time": "2026-11-21T01:59:00.551Z", NUMBER: 3}
SECRETS = ("hook:an old password, long", "hook:a new password, long")


def an_account(**parts: Any) -> Account:
    stated: dict[str, Any] = {
        "crm": "pipedrive",
        "secrets": SECRETS,
        "ids": frozenset({str(COMPANY)}),
        "token": TOKEN,
        "prefix": "pd-",
        "features": {"fee": Field(NUMBER), "plan": Field(OPTION), "title": Field("title")},
        "write_back": {"risk_percent": NUMBER, "reasons": LARGE_TEXT, "ltv_minus": TEXT},
    }
    return Account(**(stated | parts))


def basic(secret: str) -> bytes:
    return b"Basic " + base64.b64encode(secret.encode())


def delivery(body: object = None, authorization: bytes = basic(SECRETS[1])) -> Delivery:
    return Delivery("POST", "/v1/webhooks/pipedrive", {b"authorization": authorization}, msgspec.json.encode(body), "")


def parsed(body: Mapping[str, Any], account: Account | None = None) -> Event | None:
    """The event of a webhook; None where it is passed over, and counted."""
    found = pipedrive.parse(delivery(body), account or an_account())
    assert len(found.events) + found.ignored == 1
    return found.events[0] if found.events else None


@pytest.mark.parametrize("secret", SECRETS)
def test_each_of_the_passwords_proves_a_webhook_while_one_replaces_another(secret: str) -> None:
    pipedrive.verify(delivery(authorization=basic(secret)), an_account(), NOW)
    pipedrive.verify(delivery(authorization=basic(secret).replace(b"Basic", b"basic")), an_account(), NOW)


def test_a_password_is_taken_as_other_peoples_clients_send_it() -> None:
    user, _, password = SECRETS[0].partition(":")
    flow = httpx.BasicAuth(user, password).auth_flow(httpx.Request("POST", "https://gatekeeper.example.com"))
    sent = next(flow).headers["Authorization"].encode()
    pipedrive.verify(delivery(authorization=sent), an_account(), NOW)


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Basic",
        b"Basic ",
        basic(""),
        basic("hook:"),
        basic(SECRETS[0] + " "),
        basic(SECRETS[0])[:-1],
        basic(SECRETS[0]) + b"=",
        basic(SECRETS[0]).replace(b"Basic ", b"Bearer "),
        basic(SECRETS[0]).replace(b"Basic ", b"Basic  "),
        basic(SECRETS[0]) + b" ",
    ],
)
def test_without_user_and_password_nothing_is_proved(authorization: bytes) -> None:
    with pytest.raises(Forged):
        pipedrive.verify(delivery(authorization=authorization), an_account(), NOW)


def test_an_empty_secret_proves_nothing() -> None:
    with pytest.raises(Forged):
        pipedrive.verify(delivery(authorization=b"Basic "), an_account(secrets=("",)), NOW)


def test_only_the_canonical_base64_of_a_password_is_taken() -> None:
    account = an_account(secrets=("u:a password of 17!!",))
    spelled = basic(account.secrets[0])
    assert spelled.endswith(b"=")
    twin = spelled.rstrip(b"=")[:-1] + bytes([spelled.rstrip(b"=")[-1] + 1]) + spelled[len(spelled.rstrip(b"=")) :]
    assert base64.b64decode(twin[6:]) == base64.b64decode(spelled[6:])
    with pytest.raises(Forged):
        pipedrive.verify(delivery(authorization=twin), account, NOW)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(sent=changed(basic(SECRETS[0]).removeprefix(b"Basic ")))
def test_no_mutation_of_the_proof_is_accepted(sent: bytes) -> None:
    with pytest.raises(Forged):
        pipedrive.verify(delivery(authorization=b"Basic " + sent), an_account(), NOW)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(headers=st.dictionaries(st.sampled_from([b"authorization", b"x"]), st.binary(max_size=80)), body=st.binary())
def test_whatever_is_sent_is_refused_in_one_way(headers: dict[bytes, bytes], body: bytes) -> None:
    with pytest.raises(Forged):
        pipedrive.verify(Delivery("POST", "/", headers, body, ""), an_account(), NOW)


def test_an_event_holds_the_mapped_fields_and_nothing_else_of_the_person() -> None:
    custom = {
        NUMBER: {"type": "double", "value": 12.5},
        OPTION: {"type": "enum", "id": 29},
        TEXT: {"type": "varchar", "value": "a telephone number"},
    }
    event = parsed(webhook("create", data={"id": 7, "name": "A person", "custom_fields": custom}))
    assert event is not None
    assert event.fields == {NUMBER: 12.5, OPTION: 29}
    assert (event.prospect_id, event.record, event.erase) == ("pd-7", "person/7", False)
    assert event.occurred_at == datetime(2026, 11, 21, 2, 0, 0, 250_000, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("held", "value"),
    [
        (None, None),
        ({"type": "set", "values": [{"id": 29}]}, 29),
        ({"type": "set", "values": [{"id": 29}, {"id": 31}]}, "29, 31"),
        ({"type": "set", "values": []}, None),
        ({"type": "monetary", "value": 2300, "currency": "JPY"}, 2300),
        ([29], 29),
        ("text", "text"),
    ],
)
def test_a_custom_field_is_one_plain_value(held: object, value: object) -> None:
    event = parsed(webhook(data={"custom_fields": {OPTION: held}}))
    assert event is not None
    assert event.fields == {OPTION: value}


def test_a_field_that_holds_an_object_without_a_value_is_left_out() -> None:
    event = parsed(webhook(data={"custom_fields": {OPTION: {"type": "new"}, NUMBER: {"value": {"deep": 1}}}}))
    assert event is not None
    assert event.fields == {}


def test_a_repeat_has_the_same_key_and_every_other_event_another() -> None:
    first = webhook(data={})
    others = [
        webhook("create", data={}),
        webhook(entity_id="8", data={}),
        webhook(data={}, timestamp="2026-11-21T02:00:00.251Z"),
        webhook(data={}, id="0b7ac9a0-7d4f-4a65-a8f9-9dd6b3c1d2e2"),
    ]
    keys = [event.key for each in [first, *others] if (event := parsed(each))]
    assert len(set(keys)) == 5
    repeat = parsed(webhook(data={}, attempt=2, correlation_id="another"))
    assert repeat is not None
    assert repeat.key == keys[0]


def test_ids_and_times_are_read_as_texts_and_as_numbers() -> None:
    event = parsed(webhook(data={}, company_id=COMPANY, entity_id=7, user_id=111, timestamp=1795226400))
    assert event is not None
    assert (event.record, event.occurred_at) == ("person/7", 1795226400.0)


@pytest.mark.parametrize(
    "body",
    [
        webhook(entity="deal", data={}),
        webhook(entity="activity", entity_id="x/../y", data={}),
        webhook("merge", data={}),
        webhook("delete", previous={"name": "A"}),
    ],
)
def test_events_that_do_not_concern_us_are_counted_and_acknowledged(body: dict[str, Any]) -> None:
    assert parsed(body) is None


def test_a_deletion_erases_only_where_the_account_says_so() -> None:
    event = parsed(webhook("delete", previous={"name": "A"}), an_account(options={"erase_on_delete": "yes"}))
    assert event is not None
    assert (event.erase, event.prospect_id, event.fields) == (True, "pd-7", {})


def test_our_own_changes_are_passed_over_and_those_of_others_are_not() -> None:
    account = an_account(options={"user_id": "500"})
    assert parsed(webhook(data={}, user_id="500", change_source="api"), account) is None
    assert parsed(webhook(data={}, user_id="500", change_source="app"), account) is not None
    assert parsed(webhook(data={}, user_id="111", change_source="api"), account) is not None
    written = {"update_time": "2026-11-21T01:00:00Z", "custom_fields": {NUMBER: {"type": "double", "value": 1}}}
    assert parsed(webhook(data={}, previous=written)) is None
    assert parsed(webhook(data={}, previous={**written, "name": "B"})) is not None
    assert parsed(webhook(data={}, previous={"update_time": "2026-11-21T01:00:00Z"})) is not None


def test_another_companys_webhook_is_forged() -> None:
    with pytest.raises(Forged):
        pipedrive.parse(delivery(webhook(data={}, company_id=COMPANY + 1)), an_account())


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "$"),
        ({}, "$"),
        (webhook(data={}, timestamp="yesterday"), "$.meta.timestamp"),
        (webhook(data={}, timestamp="2026-11-21T02:00:00"), "$.meta.timestamp"),
        (webhook(data={}, timestamp=17952264000000), "$.meta.timestamp"),
        (webhook(data={}, entity_id="7/../8"), "$.meta.entity_id"),
        (webhook(data={}, entity_id=-1), "$.meta.entity_id"),
        (webhook(data={}, company_id=True), "$.meta.company_id"),
    ],
)
def test_a_malformed_body_is_bad_input_with_its_path(body: object, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        pipedrive.parse(delivery(body), an_account())
    assert caught.value.path == path


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60) | st.just(b"[" * 100_000) | st.just(b'{"meta":{"id":' + b"9" * 5000 + b"}}"))
def test_no_body_raises_anything_else(body: bytes) -> None:
    with pytest.raises((BadInput, Forged)):
        pipedrive.parse(Delivery("POST", "/", {}, body, ""), an_account())


@pytest.fixture
def server() -> Iterator[Pipedrive]:
    with Pipedrive({"persons/7": PERSON, f"leads/{LEAD_ID}": LEAD, "deals/9": {**PERSON, "is_deleted": True}}) as up:
        yield up


def run(account: Account, call: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
    async def in_client() -> Result:
        async with api_client(account) as client:
            client.timeout = httpx.Timeout(0.5)
            return await call(client)

    return asyncio.run(in_client())


def test_a_record_is_fetched_with_the_mapped_fields_and_its_time(server: Pipedrive) -> None:
    account = an_account(api_url=server.url)
    found = run(account, lambda client: pipedrive.fetch(client, account, "person/7"))
    as_of = datetime(2026, 11, 21, 1, 59, tzinfo=UTC).timestamp()
    assert found == Record({NUMBER: 12.5, OPTION: 29}, as_of)
    lead = run(account, lambda client: pipedrive.fetch(client, account, f"lead/{LEAD_ID}"))
    assert lead == Record({NUMBER: 3, "title": "A"}, as_of + 0.551)


def test_a_record_that_is_gone_is_none(server: Pipedrive) -> None:
    account = an_account(api_url=server.url)
    assert run(account, lambda client: pipedrive.fetch(client, account, "person/8")) is None
    assert run(account, lambda client: pipedrive.fetch(client, account, "deal/9")) is None


@pytest.mark.parametrize("record", ["person/7", f"lead/{LEAD_ID}"])
def test_an_assessment_is_written_into_fields_of_their_types(server: Pipedrive, record: str) -> None:
    account = an_account(api_url=server.url, language="ja")
    fields: dict[str, Value] = {NUMBER: 85, LARGE_TEXT: "契約形態 +20.4", TEXT: True, DAY: None}
    run(account, lambda client: pipedrive.write(client, account, record, fields))
    kept: Any = server.records[record.replace("person", "persons").replace("lead", "leads")]
    kept = kept.get("custom_fields", kept)
    assert {name: kept[name] for name in fields} == {NUMBER: 85, LARGE_TEXT: "契約形態 +20.4", TEXT: "はい", DAY: None}


def test_a_refused_value_is_rejected_and_not_repeated_in_the_error(server: Pipedrive) -> None:
    account = an_account(api_url=server.url)
    with pytest.raises(Rejected) as caught:
        run(account, lambda client: pipedrive.write(client, account, "person/7", {NUMBER: "a person's name"}))
    assert "name" not in str(caught.value)
    with pytest.raises(Rejected):
        run(account, lambda client: pipedrive.write(client, account, "person/8", {NUMBER: 1}))


def test_a_wrong_token_is_rejected(server: Pipedrive) -> None:
    account = an_account(api_url=server.url, token="wrong")  # noqa: S106
    with pytest.raises(Rejected):
        run(account, lambda client: pipedrive.fetch(client, account, "person/7"))


@pytest.mark.parametrize(
    "trouble", [LIMITED, Answer(500, {"success": False}), Answer(503, None), Reset(), Held()], ids=str
)
def test_a_passing_trouble_asks_to_be_tried_again(server: Pipedrive, trouble: Answer | Reset | Held) -> None:
    account = an_account(api_url=server.url)
    server.fail(trouble)
    with pytest.raises(TryAgain):
        run(account, lambda client: pipedrive.write(client, account, "person/7", {NUMBER: 85}))
    run(account, lambda client: pipedrive.write(client, account, "person/7", {NUMBER: 85}))
    assert PERSON["custom_fields"] != server.records["persons/7"]["custom_fields"]


@pytest.mark.parametrize(
    "body", [b"no JSON", {"data": None}, {"data": {"update_time": "never"}}, {"data": {}}], ids=str
)
def test_an_answer_that_does_not_read_is_rejected(server: Pipedrive, body: object) -> None:
    account = an_account(api_url=server.url)
    server.fail(Answer(200, body))
    with pytest.raises(Rejected):
        run(account, lambda client: pipedrive.fetch(client, account, "person/7"))


def test_what_came_of_the_events_is_told_as_json() -> None:
    reply = pipedrive.acknowledge([msgspec.Raw(b'{"status":"scored"}')], 2)
    assert (reply.media_type, reply.body) == ("application/json", b'{"results":[{"status":"scored"}],"ignored":2}')
