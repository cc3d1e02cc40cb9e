"""kintone: what is proved, what a webhook says, what goes back, and the fields that it goes into."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm import kintone, kintone_fields
from service.crm.account import Account, Field
from service.crm.client import api_client
from service.crm.interface import Delivery, Event, Record, Value
from service.crm.written import WRITTEN
from service.errors import BadInput, Forged, Rejected, TryAgain
from tests.support.crm.kintone import APP, BUSY, TOKEN, Kintone
from tests.support.crm.mutations import changed
from tests.support.crm.standin import Answer, Held, Reset

Result = TypeVar("Result")

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
MINUTE = NOW.timestamp()
SECRETS = ("an-old-secret-of-the-URL", "a-new-secret-of-the-URL")
FIELDS: dict[str, dict[str, Any]] = {
    "月額": {"type": "NUMBER"},
    "契約": {"type": "CHECK_BOX"},
    "会社名": {"type": "SINGLE_LINE_TEXT"},
    "gk_band": {"type": "DROP_DOWN", "options": {"high": {"label": "high", "index": "0"}}},
    "gk_risk": {"type": "NUMBER"},
}
RECORD = {"月額": "9800", "契約": ["年契約"], "会社名": "サイボウズ"}


def an_account(**parts: Any) -> Account:
    stated: dict[str, Any] = {
        "crm": "kintone",
        "secrets": SECRETS,
        "ids": frozenset({APP}),
        "token": TOKEN,
        "prefix": "k-",
        "language": "ja",
        "features": {"fee": Field("月額"), "contract": Field("契約")},
        "write_back": {"risk_percent": "gk_risk", "band": "gk_band"},
    }
    return Account(**(stated | parts))


def delivery(body: object, secret: str = SECRETS[1]) -> Delivery:
    return Delivery("POST", "/v1/webhooks/kintone/...", {}, msgspec.json.encode(body), secret)


@pytest.fixture
def app() -> Iterator[Kintone]:
    with Kintone(FIELDS, {"2": RECORD}) as up:
        yield up


def parsed(body: object, account: Account | None = None) -> Event | None:
    """The event of a webhook; None where it is passed over, and counted."""
    found = kintone.parse(delivery(body), account or an_account())
    assert len(found.events) + found.ignored == 1
    return found.events[0] if found.events else None


def event_of(app: Kintone, kind: str = "ADD_RECORD", modifier: str = "sato", **parts: Any) -> Event:
    event = parsed(app.webhook(kind, "2", modifier), an_account(**parts))
    assert event is not None
    return event


@pytest.mark.parametrize("secret", SECRETS)
def test_each_of_the_secrets_proves_a_webhook_while_one_replaces_another(secret: str) -> None:
    kintone.verify(delivery({}, secret), an_account(), NOW)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(sent=changed(SECRETS[0].encode()))
def test_no_mutation_of_the_secret_is_accepted(sent: bytes) -> None:
    with pytest.raises(Forged):
        kintone.verify(delivery({}, sent.decode(errors="surrogateescape")), an_account(), NOW)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(secret=st.text(st.characters(exclude_categories=())), body=st.binary())
def test_whatever_is_sent_is_refused_in_one_way(secret: str, body: bytes) -> None:
    for account in (an_account(), an_account(secrets=("",))):
        with pytest.raises(Forged):
            kintone.verify(Delivery("POST", "/", {}, body, secret), account, NOW)


def test_an_event_holds_the_mapped_fields_and_nothing_else_of_the_record(app: Kintone) -> None:
    event = event_of(app)
    assert event.fields == {"月額": "9800", "契約": "年契約"}
    assert (event.prospect_id, event.record, event.erase) == ("k-2", f"{APP}/2", False)


@pytest.mark.parametrize(
    ("held", "value"), [([], None), (["年契約", "割引"], "年契約, 割引"), ("年契約", "年契約"), (None, None)]
)
def test_several_choices_are_one_text(app: Kintone, held: object, value: object) -> None:
    app.records["2"]["契約"] = held
    assert event_of(app).fields["契約"] == value


@pytest.mark.parametrize("held", [[{"code": "sato", "name": "佐藤"}], {"code": "sato"}, [["a"]]], ids=str)
def test_persons_files_and_tables_are_left_out(app: Kintone, held: object) -> None:
    app.records["2"]["契約"] = held
    assert "契約" not in event_of(app).fields


def test_revisions_order_what_happens_within_a_minute(app: Kintone) -> None:
    times = []
    for revision in (1, 2, 59_998, 10**19):
        app.revisions["2"] = revision
        times.append(event_of(app, "UPDATE_RECORD").occurred_at)
    assert times[0] == MINUTE + 0.001
    assert times == sorted(set(times))
    assert times[-1] < MINUTE + 60


def test_a_repeat_has_the_same_key_and_every_other_event_another(app: Kintone) -> None:
    first = event_of(app)
    repeat = app.webhook("ADD_RECORD", "2", "sato") | {"id": "of another webhook for the same URL"}
    again = parsed(repeat)
    assert again is not None
    assert again.key == first.key
    other = event_of(app, "UPDATE_STATUS").key
    app.revisions["2"] += 1
    assert len({first.key, other, event_of(app).key}) == 3


def test_events_that_do_not_concern_us_are_counted(app: Kintone) -> None:
    comment = {"id": "1", "type": "ADD_RECORD_COMMENT", "app": {"id": APP, "name": "Leads"}, "recordId": "2"}
    assert parsed(comment) is None
    assert parsed(app.webhook("DELETE_RECORD", "2", "sato")) is None


@pytest.mark.parametrize("moment", ["deletedAt", "deleteAt"])
def test_a_deletion_erases_only_where_the_account_says_so(app: Kintone, moment: str) -> None:
    body = app.webhook("DELETE_RECORD", "2", "sato")
    body[moment] = body.pop("deletedAt")
    event = parsed(body, an_account(options={"erase_on_delete": "yes"}))
    assert event is not None
    assert (event.erase, event.prospect_id, event.occurred_at) == (True, "k-2", MINUTE + 184)


def test_what_we_write_does_not_come_back_as_an_event(app: Kintone) -> None:
    account = an_account(api_url=app.url)
    run(account, lambda client: kintone.write(client, account, f"{APP}/2", {"gk_risk": 85}))
    assert parsed(app.webhook("UPDATE_RECORD", "2", "Administrator")) is None
    assert parsed(app.webhook("UPDATE_RECORD", "2", "sato")) is not None
    assert parsed(app.webhook("ADD_RECORD", "2", "Administrator")) is not None
    of_our_own = an_account(options={"user": "gatekeeper"})
    assert parsed(app.webhook("UPDATE_RECORD", "2", "gatekeeper"), of_our_own) is None
    assert parsed(app.webhook("UPDATE_RECORD", "2", "Administrator"), of_our_own) is not None


def test_another_apps_webhook_is_forged(app: Kintone) -> None:
    with pytest.raises(Forged):
        kintone.parse(delivery(app.webhook("ADD_RECORD", "2", "sato")), an_account(ids=frozenset({"15"})))


@pytest.mark.parametrize(
    ("code", "field", "path"),
    [
        ("$id", {"type": "__ID__", "value": "2/../3"}, '$.record["$id"].value'),
        ("$revision", {"type": "__REVISION__", "value": "-1"}, '$.record["$revision"].value'),
        ("$revision", {"type": "__REVISION__", "value": 3}, '$.record["$revision"].value'),
        ("更新日時", {"type": "UPDATED_TIME", "value": "yesterday"}, "$.record"),
        ("更新日時", {"type": "DATE", "value": "2026-11-21"}, "$.record"),
        ("月額", "9800", "$.record[...]"),
    ],
    ids=range(6),
)
def test_a_malformed_record_is_bad_input_with_its_path(app: Kintone, code: str, field: object, path: str) -> None:
    body = app.webhook("ADD_RECORD", "2", "sato")
    body["record"][code] = field
    with pytest.raises(BadInput) as caught:
        parsed(body)
    assert caught.value.path == path


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60) | st.just(b"[" * 100_000))
def test_no_body_raises_anything_else(body: bytes) -> None:
    with pytest.raises(BadInput):
        kintone.parse(Delivery("POST", "/", {}, body, ""), an_account())


def run(account: Account, call: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
    async def in_client() -> Result:
        async with api_client(account) as client:
            client.timeout = httpx.Timeout(0.5)
            return await call(client)

    return asyncio.run(in_client())


def test_a_record_is_fetched_as_a_webhook_would_have_brought_it(app: Kintone) -> None:
    account = an_account(api_url=app.url)
    event = event_of(app, "UPDATE_RECORD")
    found = run(account, lambda client: kintone.fetch(client, account, f"{APP}/2"))
    assert found == Record(event.fields, event.occurred_at)
    assert run(account, lambda client: kintone.fetch(client, account, f"{APP}/3")) is None


def test_a_guest_space_has_a_path_of_its_own(app: Kintone) -> None:
    account = an_account(api_url=app.url, options={"guest_space": "3"})
    app.fail(Answer(200, {"revision": "2"}))
    run(account, lambda client: kintone.write(client, account, f"{APP}/2", {"gk_risk": 85}))
    assert app.received[0].path == "/k/guest/3/v1/record.json"


def test_a_refused_value_is_rejected_and_not_repeated_in_the_error(app: Kintone) -> None:
    account = an_account(api_url=app.url)
    with pytest.raises(Rejected) as caught:
        run(account, lambda client: kintone.write(client, account, f"{APP}/2", {"gk_risk": "a person's name"}))
    assert "CB_VA01" in str(caught.value)
    assert "name" not in str(caught.value)
    with pytest.raises(Rejected):
        run(account, lambda client: kintone.write(client, account, f"{APP}/3", {"gk_risk": 1}))


@pytest.mark.parametrize("trouble", [BUSY, Answer(429), Answer(500), Reset(), Held()], ids=str)
def test_a_passing_trouble_asks_to_be_tried_again(app: Kintone, trouble: Answer | Reset | Held) -> None:
    account = an_account(api_url=app.url)
    app.fail(trouble)
    with pytest.raises(TryAgain):
        run(account, lambda client: kintone.write(client, account, f"{APP}/2", {"gk_risk": 85}))
    run(account, lambda client: kintone.write(client, account, f"{APP}/2", {"gk_risk": 85}))
    assert app.records["2"]["gk_risk"] == "85"


@pytest.mark.parametrize("body", [b"no JSON", {"record": None}, {"record": {}}], ids=str)
def test_an_answer_that_does_not_read_is_rejected(app: Kintone, body: object) -> None:
    account = an_account(api_url=app.url)
    app.fail(Answer(200, body))
    with pytest.raises(Rejected):
        run(account, lambda client: kintone.fetch(client, account, f"{APP}/2"))


ALL = {name: f"gk_{name}" for name in WRITTEN}
ASSESSMENT: dict[str, Value] = {
    "gk_risk_percent": 85,
    "gk_band": "high",
    "gk_ltv_minus": True,
    "gk_action": "do_not_chase",
    "gk_pltv": 212.4,
    "gk_reasons": "契約形態 +20.4\n月額 +3.1",
    "gk_model_version": "20261121-0a1b2c3d",
    "gk_scored_at": "2026-11-21T02:00:00Z",
}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_fields_that_are_created_take_an_assessment(language: str) -> None:
    with Kintone({"月額": {"type": "NUMBER"}}, {"2": RECORD}) as app:
        account = an_account(api_url=app.url, write_back=ALL, language=language)
        made = run(account, lambda client: kintone_fields.create_fields(client, account))
        assert made == dict.fromkeys(ALL.values(), "created")
        run(account, lambda client: kintone.write(client, account, f"{APP}/2", ASSESSMENT))
        assert app.records["2"]["gk_ltv_minus"] == ("はい" if language == "ja" else "Yes")
        run(account, lambda client: kintone.write(client, account, f"{APP}/2", dict.fromkeys(ALL.values())))
        assert app.records["2"]["gk_ltv_minus"] == ""


def test_fields_that_exist_are_left_as_they_are(app: Kintone) -> None:
    account = an_account(api_url=app.url, write_back={"risk_percent": "gk_risk", "pltv": "gk_pltv"})
    made = run(account, lambda client: kintone_fields.create_fields(client, account))
    assert made == {"gk_risk": "exists", "gk_pltv": "created"}
    assert run(account, lambda client: kintone_fields.create_fields(client, account)) == dict.fromkeys(made, "exists")
    assert app.deployments == 1
    assert [each["code"] for each in kintone_fields.fields_to_create(account)] == ["gk_risk", "gk_pltv"]
