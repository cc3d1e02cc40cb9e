"""Zoho CRM: what is proved, what notifications and workflow webhooks say, and what goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm import zoho
from service.crm.account import Account, Field
from service.crm.client import api_client
from service.crm.interface import Delivery, Event, Parsed, Record, Value
from service.errors import BadInput, Forged, Rejected, TryAgain
from tests.support.crm.mutations import changed
from tests.support.crm.standin import Answer, Held, Reset
from tests.support.crm.zoho import CHANNEL, CREDENTIALS, LIMITED, Zoho, notification

Result = TypeVar("Result")

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
OLD, NEW = SECRETS = ("an old token of ours", "a new token of ours")
LEAD = {"id": "55", "Last_Name": "A", "Fee": 12.5, "Plan": ["Gold"], "Modified_Time": "2026-11-21T10:59:00+09:00"}
TYPES: dict[str, str | list[str]] = {
    "GK_Risk": "double",
    "GK_Band": ["low", "medium", "high"],
    "GK_Minus": "boolean",
    "GK_Reasons": "textarea",
    "GK_Model": "text",
    "GK_At": "datetime",
}
WRITE_BACK = dict(
    zip(("risk_percent", "band", "ltv_minus", "reasons", "model_version", "scored_at"), TYPES, strict=True)
)


def an_account(**parts: Any) -> Account:
    stated: dict[str, Any] = {
        "crm": "zoho",
        "secrets": SECRETS,
        "ids": frozenset({CHANNEL}),
        "token": "1000.access.0",
        "prefix": "zoho-",
        "features": {"fee": Field("Fee"), "plan": Field("Plan")},
        "write_back": WRITE_BACK,
    }
    return Account(**(stated | parts))


def delivery(body: object, secret: str | None = None) -> Delivery:
    headers = {} if secret is None else {b"x-gatekeeper-secret": secret.encode()}
    return Delivery("POST", "/v1/webhooks/zoho", headers, msgspec.json.encode(body), "")


def notified(*ids: str, account: Account | None = None, **parts: Any) -> Parsed:
    return zoho.parse(delivery(notification(*ids, token=NEW, **parts)), account or an_account())


def webhook(**parts: Any) -> dict[str, Any]:
    stated = {"module": "Leads", "id": "55", "time": "2026-11-21T02:00:00+00:00", "fields": {"Fee": "12.5"}}
    return stated | parts


def hooked(body: Mapping[str, Any], account: Account | None = None) -> Event | None:
    found = zoho.parse(delivery(body, NEW), account or an_account())
    assert len(found.events) + found.ignored == 1
    return found.events[0] if found.events else None


@pytest.mark.parametrize("token", SECRETS)
def test_each_of_the_tokens_proves_a_notification_while_one_replaces_another(token: str) -> None:
    zoho.verify(delivery(notification("55", token=token)), an_account(), NOW)
    zoho.verify(delivery(notification("55", token=token, channel_id=int(CHANNEL))), an_account(), NOW)


@pytest.mark.parametrize(
    "body",
    [
        notification("55", token=""),
        notification("55", token=OLD + " "),
        notification("55", token=OLD, channel_id="1"),
        notification("55", token=OLD, channel_id=None),
        notification("55", token=OLD, channel_id=msgspec.Raw(b"9" * 5000)),
        notification("55", token=OLD, channel_id=-1),
        [notification("55", token=OLD)],
        {"token": [OLD], "channel_id": CHANNEL},
        {},
        None,
    ],
    ids=range(10),
)
def test_without_token_and_channel_nothing_is_proved(body: object) -> None:
    with pytest.raises(Forged):
        zoho.verify(delivery(body), an_account(), NOW)


def test_a_workflow_webhook_is_proved_by_its_header_alone() -> None:
    zoho.verify(delivery({}, OLD), an_account(), NOW)
    for wrong in ("", OLD + " ", OLD.upper()):
        with pytest.raises(Forged):  # a right token in the body mends no wrong header
            zoho.verify(delivery(notification("55", token=OLD), wrong), an_account(), NOW)


def test_an_empty_secret_proves_nothing() -> None:
    for sent in (delivery({}, ""), delivery(notification("55", token=""))):
        with pytest.raises(Forged):
            zoho.verify(sent, an_account(secrets=("",)), NOW)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(sent=changed(OLD.encode()))
def test_no_mutation_of_the_proof_is_accepted(sent: bytes) -> None:
    body = b'{"token":"%s","channel_id":"%s"}' % (sent, CHANNEL.encode())
    for headers in ({}, {zoho.SECRET_HEADER: sent}):
        with pytest.raises(Forged):
            zoho.verify(Delivery("POST", "/", headers, body, ""), an_account(), NOW)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    headers=st.dictionaries(st.sampled_from([zoho.SECRET_HEADER, b"x"]), st.binary(max_size=80)),
    body=st.binary() | st.just(b"[" * 100_000) | st.just(b'{"token":"\\ud800","channel_id":1}'),
)
def test_whatever_is_sent_is_refused_in_one_way(headers: dict[bytes, bytes], body: bytes) -> None:
    with pytest.raises(Forged):
        zoho.verify(Delivery("POST", "/", headers, body, ""), an_account(), NOW)


def test_a_notification_is_an_event_without_fields_per_record() -> None:
    found = notified("55", "56")
    assert [(each.prospect_id, each.record, each.fields) for each in found.events] == [
        ("zoho-55", "Leads/55", {}),
        ("zoho-56", "Leads/56", {}),
    ]
    assert {each.occurred_at for each in found.events} == {1795226400.25}
    assert len({each.key for each in found.events}) == 2
    assert notified("55").events[0].key == found.events[0].key
    assert notified("55", server_time=1795226400251).events[0].key != found.events[0].key


def test_events_that_do_not_concern_us_are_counted() -> None:
    assert notified("1", "2", module="Contacts") == Parsed([], 2)
    assert notified("1", "2", operation="delete") == Parsed([], 2)
    assert notified("1", operation="approve") == Parsed([], 1)


def test_a_deletion_erases_only_where_the_account_says_so() -> None:
    account = an_account(options={"erase_on_delete": "yes"})
    assert [each.erase for each in notified("1", "2", operation="delete", account=account).events] == [True, True]
    assert [each.erase for each in notified("1", account=account).events] == [False]
    erased = hooked(webhook(operation="delete"), account)
    assert erased is not None
    assert (erased.erase, erased.fields) == (True, {})


def test_an_update_of_none_but_our_fields_is_our_own() -> None:
    ours = {"record_id": "1", "values": {"GK_Risk": 85, "Modified_Time": "2026-11-21T11:00:00+09:00"}}
    theirs = {"record_id": "2", "values": {"GK_Risk": 85, "Fee": 3}}
    found = notified("1", "2", operation="update", affected_values=[ours, theirs])
    assert ([each.record for each in found.events], found.ignored) == (["Leads/2"], 1)
    found = notified("1", "2", operation="update", affected_fields=[{"1": ["GK_Band"]}, {"2": ["Fee"]}])
    assert ([each.record for each in found.events], found.ignored) == (["Leads/2"], 1)


def test_an_update_that_names_no_field_is_ignored_lest_we_answer_ourselves_for_ever() -> None:
    assert notified("1", operation="update") == Parsed([], 1)
    assert notified("1", operation="update", affected_fields=None, affected_values=None) == Parsed([], 1)
    assert notified("1", operation="update", affected_fields=["Fee", {"1": "Fee"}, {"1": [5]}]) == Parsed([], 1)


def test_a_workflow_webhook_brings_the_mapped_fields() -> None:
    event = hooked(webhook(fields={"Fee": "12.5", "Plan": "", "Last_Name": "A"}))
    assert event is not None
    assert (event.prospect_id, event.record) == ("zoho-55", "Leads/55")
    assert event.fields == {"Fee": "12.5", "Plan": ""}
    assert event.occurred_at == 1795226400.0
    same, other = hooked(webhook()), hooked(webhook(fields={"Fee": "13"}))
    assert same is not None
    assert other is not None
    assert len({event.key, same.key, other.key}) == 3


@pytest.mark.parametrize("time", ["2026-11-21 11:00:00", "2026-11-21 11:0:0", "2026-11-21T11:00:00"])
def test_a_time_without_a_zone_is_in_the_webhooks_own(time: str) -> None:
    event = hooked(webhook(time=time), an_account(options={"timezone": "Asia/Tokyo"}))
    assert event is not None
    assert event.occurred_at == 1795226400.0


@pytest.mark.parametrize(
    ("parts", "options"),
    [
        ({"time": "2026-11-21 11:00:00"}, {}),
        ({"time": "2026-11-21 11:00:00"}, {"timezone": "Asia/Nowhere"}),
        ({"time": "21.11.2026"}, {"timezone": "Asia/Tokyo"}),
        ({"time": "2026-11-31 1:0:0"}, {"timezone": "Asia/Tokyo"}),
        ({"time": "2026-11-21 1:0:0"}, {"timezone": "../etc/passwd"}),
    ],
)
def test_a_webhook_whose_time_is_not_known_is_bad_input(parts: dict[str, Any], options: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        hooked(webhook(**parts), an_account(options=options))
    assert caught.value.path == "$.time"


def test_a_workflow_webhook_of_our_own_change_is_passed_over() -> None:
    account = an_account(options={"user_id": "900"})
    assert hooked(webhook(modified_by="900"), account) is None
    assert hooked(webhook(modified_by="901"), account) is not None
    assert hooked(webhook(module="Deals")) is None


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$"),
        (notification("55/../7", token=NEW), "$.ids[0]"),
        (notification("55", token=NEW, server_time=10**400), "$"),
        (notification("55", token=NEW, server_time=-1), "$.server_time"),
        (notification("55", token=NEW, ids="55"), "$.ids"),
    ],
    ids=range(5),
)
def test_a_malformed_notification_is_bad_input_with_its_path(body: object, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        zoho.parse(delivery(body), an_account())
    assert caught.value.path.startswith(path)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60) | st.just(b"[" * 100_000), header=st.sampled_from([zoho.SECRET_HEADER, b"x"]))
def test_no_body_raises_anything_else(body: bytes, header: bytes) -> None:
    with pytest.raises(BadInput):
        zoho.parse(Delivery("POST", "/", {header: b""}, body, ""), an_account())


@pytest.fixture
def server() -> Iterator[Zoho]:
    with Zoho({"Leads/55": LEAD}, TYPES) as up:
        yield up


def run(account: Account, call: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
    async def in_client() -> Result:
        async with api_client(account) as client:
            client.timeout = httpx.Timeout(0.5)
            return await call(client)

    return asyncio.run(in_client())


def test_a_record_is_fetched_with_the_mapped_fields_and_its_time(server: Zoho) -> None:
    account = an_account(api_url=server.url)
    found = run(account, lambda client: zoho.fetch(client, account, "Leads/55"))
    as_of = datetime(2026, 11, 21, 1, 59, tzinfo=UTC).timestamp()
    assert found == Record({"Fee": 12.5, "Plan": "Gold"}, as_of)
    assert server.received[0].query == {"fields": "Fee,Plan,Modified_Time"}


def test_a_record_that_is_gone_is_none(server: Zoho) -> None:
    account = an_account(api_url=server.url)
    assert run(account, lambda client: zoho.fetch(client, account, "Leads/56")) is None


def test_an_assessment_is_written_without_starting_workflows(server: Zoho) -> None:
    account = an_account(api_url=server.url)
    fields: dict[str, Value] = {
        "GK_Risk": 85,
        "GK_Band": "high",
        "GK_Minus": True,
        "GK_Reasons": "契約形態 +20.4",
        "GK_Model": None,
        "GK_At": "2026-11-21T02:00:00Z",
    }
    run(account, lambda client: zoho.write(client, account, "Leads/55", fields))
    kept = server.records["Leads/55"]
    assert {name: kept[name] for name in fields} == fields | {"GK_At": "2026-11-21T02:00:00+00:00"}
    assert msgspec.json.decode(server.received[0].body)["trigger"] == []


def test_a_refused_value_is_rejected_also_in_an_answer_that_is_a_success(server: Zoho) -> None:
    account = an_account(api_url=server.url)
    refused = {"code": "INVALID_DATA", "details": {}, "message": "invalid data", "status": "error"}
    for _ in ("with the status of a failure", "of a success"):
        with pytest.raises(Rejected) as caught:
            run(account, lambda client: zoho.write(client, account, "Leads/55", {"GK_Risk": "a person's name"}))
        assert "name" not in str(caught.value)
        server.fail(Answer(202, {"data": [refused]}))


def test_access_tokens_are_granted_and_renewed_when_they_are_over(server: Zoho) -> None:
    account = an_account(api_url=server.url, token=CREDENTIALS, options={"accounts_url": server.url})

    async def three_times(client: httpx.AsyncClient) -> None:
        for _ in range(3):
            await zoho.write(client, account, "Leads/55", {"GK_Risk": 85})
            if server.granted == 1:
                server.expire()

    run(account, three_times)
    told = [(each.method, each.path, each.headers.get("authorization")) for each in server.received]
    token, lead = ("POST", "/oauth/v2/token", None), ("PUT", "/crm/v8/Leads/55")
    assert told == [
        token,
        (*lead, "Zoho-oauthtoken 1000.access.1"),
        (*lead, "Zoho-oauthtoken 1000.access.1"),
        token,
        (*lead, "Zoho-oauthtoken 1000.access.3"),
        (*lead, "Zoho-oauthtoken 1000.access.3"),
    ]


def test_requests_that_find_their_token_over_together_renew_it_once(server: Zoho) -> None:
    account = an_account(api_url=server.url, token=CREDENTIALS, options={"accounts_url": server.url})

    async def together(client: httpx.AsyncClient) -> None:
        await asyncio.gather(*(zoho.fetch(client, account, "Leads/55") for _ in range(8)))

    run(account, together)
    assert server.granted == 1


@pytest.mark.parametrize("credentials", ["1000.CLIENT:wrong:1000.refresh.token", "an access token", ""])
def test_credentials_that_grant_no_token_are_rejected(server: Zoho, credentials: str) -> None:
    account = an_account(api_url=server.url, token=credentials, options={"accounts_url": server.url})
    with pytest.raises(Rejected):
        run(account, lambda client: zoho.fetch(client, account, "Leads/55"))


def test_too_many_renewals_ask_to_be_tried_again(server: Zoho) -> None:
    account = an_account(api_url=server.url, token=CREDENTIALS, options={"accounts_url": server.url})
    server.fail(Answer(400, {"error": "Access Denied", "error_description": "too many requests", "status": "failure"}))
    with pytest.raises(TryAgain):
        run(account, lambda client: zoho.fetch(client, account, "Leads/55"))


@pytest.mark.parametrize("trouble", [LIMITED, Answer(500), Answer(503, b""), Reset(), Held()], ids=str)
def test_a_passing_trouble_asks_to_be_tried_again(server: Zoho, trouble: Answer | Reset | Held) -> None:
    for account in (
        an_account(api_url=server.url),
        an_account(api_url=server.url, token=CREDENTIALS, options={"accounts_url": server.url}),
    ):
        server.fail(trouble)
        with pytest.raises(TryAgain):
            run(account, lambda client, account=account: zoho.fetch(client, account, "Leads/55"))  # type: ignore[misc]


@pytest.mark.parametrize(
    "body", [b"no JSON", {"data": None}, {"data": [{"Modified_Time": 5}]}, {"data": [{}]}], ids=str
)
def test_an_answer_that_does_not_read_is_rejected(server: Zoho, body: object) -> None:
    account = an_account(api_url=server.url)
    server.fail(Answer(200, body))
    with pytest.raises(Rejected):
        run(account, lambda client: zoho.fetch(client, account, "Leads/55"))
