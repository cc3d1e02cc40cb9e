"""HubSpot's webhooks: what its own library signs is let in and nothing else, and events say what happened to whom."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hubspot.utils.signature import Signature
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm import hubspot
from service.crm.account import Account, Field
from service.crm.interface import Delivery
from service.errors import BadInput, Forged
from tests.support.crm.mutations import changed, other_key

NOW = datetime(2026, 11, 21, 2, 0, 0, 123_000, tzinfo=UTC)
SECRET, OLD_SECRET = "b1946ac9-0000-4000-8000-7d3f0c7d1a11", "old-secret-of-the-same-app"
URL = "https://gatekeeper.example.com/v1/webhooks/hubspot"
ACCOUNT = Account(
    crm="hubspot",
    secrets=(SECRET, OLD_SECRET),
    ids=frozenset({"62515"}),
    public_url=URL,
    prefix="hs-",
    features={"monthly_charges": Field("monthly_fee")},
    write_back={"band": "gatekeeper_band"},
    options={"app_id": "54321"},
)
CHANGE: dict[str, Any] = {
    "eventId": 100,
    "subscriptionId": 8,
    "portalId": 62515,
    "appId": 54321,
    "occurredAt": 1_795_226_400_123,
    "subscriptionType": "contact.propertyChange",
    "attemptNumber": 0,
    "objectId": 7,
    "changeSource": "CRM_UI",
    "propertyName": "monthly_fee",
    "propertyValue": "70.5",
}
BODY = msgspec.json.encode([CHANGE])
MUTATIONS, TOGETHER = 5_000, 20
"""Changes to try, and how many an example draws, since drawing an example costs more than trying it."""


def millis(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))


def delivery(
    body: bytes = BODY, *, secret: str = SECRET, at: datetime = NOW, uri: str = URL, query: str = ""
) -> Delivery:
    """A request as HubSpot's own library signs it."""
    signature = Signature.get_signature(secret, body.decode(), "v3", uri, "POST", millis(at))
    headers = {b"x-hubspot-signature-v3": signature.encode(), b"x-hubspot-request-timestamp": millis(at).encode()}
    return Delivery("POST", "/v1/webhooks/hubspot" + query, headers, body, "")


def parsed(*changes: dict[str, Any], account: Account = ACCOUNT) -> Any:
    return hubspot.parse(Delivery("POST", "/", {}, msgspec.json.encode(changes), ""), account)


@pytest.mark.parametrize("body", [BODY, b"", '["契約"]'.encode(), b"x" * 100_000])
@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_what_the_vendors_library_signs_is_let_in_while_secrets_rotate(body: bytes, secret: str) -> None:
    hubspot.verify(delivery(body, secret=secret), ACCOUNT, NOW)


def test_the_vendors_library_lets_in_what_we_would() -> None:
    now = datetime.now(UTC)
    sent = delivery(at=now)
    signature = sent.headers[b"x-hubspot-signature-v3"].decode()
    assert Signature.is_valid(signature, SECRET, BODY.decode(), URL, "POST", "v3", millis(now))
    hubspot.verify(sent, ACCOUNT, now)


@pytest.mark.parametrize("away", [timedelta(minutes=5, milliseconds=1), timedelta(days=400)])
@pytest.mark.parametrize("sign", [1, -1])
def test_more_than_five_minutes_either_way_are_too_many(away: timedelta, sign: int) -> None:
    hubspot.verify(delivery(at=NOW + sign * timedelta(minutes=5)), ACCOUNT, NOW)
    with pytest.raises(Forged):
        hubspot.verify(delivery(at=NOW + sign * away), ACCOUNT, NOW)


def test_the_query_counts_as_sent_and_only_the_listed_escapes_are_decoded() -> None:
    query = "?next=%2Fa%3Fb%40c%21%24%27%28%29%2A%2C%3B%3A&name=%E5%A5%91%20%26"
    signed = URL + "?next=/a?b@c!$'()*,;:&name=%E5%A5%91%20%26"
    hubspot.verify(delivery(uri=signed, query=query), ACCOUNT, NOW)
    for other in ("", "?next=", query + "&more=1"):
        with pytest.raises(Forged):
            hubspot.verify(delivery(uri=signed, query=other), ACCOUNT, NOW)


def test_the_configured_url_counts_and_not_what_a_proxy_made_of_it() -> None:
    sent = delivery()
    hubspot.verify(msgspec.structs.replace(sent, target="/behind/a/proxy"), ACCOUNT, NOW)
    with pytest.raises(Forged):
        hubspot.verify(sent, msgspec.structs.replace(ACCOUNT, public_url=URL + "/"), NOW)


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_is_let_in(secrets: tuple[str, ...]) -> None:
    with pytest.raises(Forged):
        hubspot.verify(delivery(secret=""), msgspec.structs.replace(ACCOUNT, secrets=secrets), NOW)


def test_a_second_spelling_of_the_same_signature_is_refused() -> None:
    sent = delivery()
    genuine = sent.headers[b"x-hubspot-signature-v3"]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = genuine[:-2] + alphabet[alphabet.index(genuine[-2]) ^ 1 :][:1] + b"="
    assert base64.b64decode(twin) == base64.b64decode(genuine)
    for spelling in (twin, genuine + b"=", genuine + b"\n", b" " + genuine):
        headers = {**sent.headers, b"x-hubspot-signature-v3": spelling}
        with pytest.raises(Forged):
            hubspot.verify(msgspec.structs.replace(sent, headers=headers), ACCOUNT, NOW)


GENUINE = delivery()


def resent(**parts: Any) -> tuple[Delivery, Account]:
    return msgspec.structs.replace(GENUINE, **parts), ACCOUNT


def with_header(name: bytes, value: bytes | None) -> tuple[Delivery, Account]:
    headers = {**GENUINE.headers, name: value}
    return resent(headers={name: value for name, value in headers.items() if value is not None})


def held_to(**parts: Any) -> tuple[Delivery, Account]:
    return GENUINE, msgspec.structs.replace(ACCOUNT, **parts)


def text(found: bytes) -> str:
    return found.decode("utf-8", "replace")


MUTANTS = st.one_of(
    changed(BODY).map(lambda body: resent(body=body)),
    *(st.one_of(changed(value), st.none()).map(partial(with_header, name)) for name, value in GENUINE.headers.items()),
    st.one_of(st.sampled_from(["GET", "post", "", "PÖST", "\udc80"]), st.text(max_size=6).filter("POST".__ne__)).map(
        lambda method: resent(method=method)
    ),
    st.one_of(st.just("\udc80"), st.text(max_size=30)).map(
        lambda query: resent(target=f"/v1/webhooks/hubspot?{query}")
    ),
    changed(URL.encode())
    .filter(lambda url: b"?" not in url and b"%" not in url)  # a query is the request's; escapes are another spelling
    .map(lambda url: held_to(public_url=text(url))),
    other_key(SECRET.encode()).map(lambda key: held_to(secrets=(text(key),))),
)


@settings(max_examples=MUTATIONS // TOGETHER, derandomize=True, deadline=None, database=None)
@given(st.lists(MUTANTS, min_size=TOGETHER, max_size=TOGETHER))
def test_no_change_to_what_is_signed_is_let_in_nor_raises_anything_else(
    mutants: list[tuple[Delivery, Account]],
) -> None:
    for mutant in mutants:
        with pytest.raises(Forged):
            hubspot.verify(*mutant, NOW)


def test_a_property_change_is_an_event_of_the_prospect() -> None:
    (event,) = parsed(CHANGE).events
    assert (event.prospect_id, event.record) == ("hs-7", "contacts/7")
    assert (event.fields, event.occurred_at) == ({"monthly_fee": "70.5"}, 1_795_226_400.123)
    assert not event.erase


def test_a_repeat_has_the_same_key_and_nothing_else_has() -> None:
    others = [{name: CHANGE[name] + 1} for name in ("eventId", "subscriptionId", "occurredAt", "objectId")]
    changes = [CHANGE, CHANGE | {"attemptNumber": 3}, *(CHANGE | other for other in others)]
    keys = [event.key for event in parsed(*changes).events]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


@pytest.mark.parametrize("kind", ["creation", "restore"])
def test_a_new_record_is_an_event_that_brings_no_fields(kind: str) -> None:
    thin = {k: v for k, v in CHANGE.items() if not k.startswith("property")} | {"subscriptionType": f"contact.{kind}"}
    newer = thin | {"subscriptionType": f"object.{kind}", "objectTypeId": "0-1", "eventId": 101}
    assert [event.fields for event in parsed(thin, newer).events] == [{}, {}]


def test_a_privacy_deletion_erases_the_person() -> None:
    (event,) = parsed(CHANGE | {"subscriptionType": "contact.privacyDeletion", "propertyName": None}).events
    assert event.erase


@pytest.mark.parametrize(
    "other",
    [
        {"changeSource": "INTEGRATION", "sourceId": "54321"},
        {"changeSource": "INTEGRATION", "sourceId": 54321},
        {"propertyName": "gatekeeper_band"},
        {"propertyName": "favourite_colour"},
        {"subscriptionType": "contact.deletion"},
        {"subscriptionType": "company.propertyChange"},
        {"subscriptionType": "object.propertyChange", "objectTypeId": "0-2"},
        {"subscriptionType": "object.propertyChange"},
        {"subscriptionType": "contact.associationChange", "objectId": None},
        {"subscriptionType": "nothing that we know"},
    ],
)
def test_what_does_not_concern_us_is_counted_and_taken(other: dict[str, Any]) -> None:
    found = parsed(CHANGE | other, CHANGE)
    assert (len(found.events), found.ignored) == (1, 1)


def test_a_change_by_another_integration_concerns_us() -> None:
    assert len(parsed(CHANGE | {"changeSource": "INTEGRATION", "sourceId": "999"}).events) == 1


def test_prospects_may_be_companies() -> None:
    account = msgspec.structs.replace(ACCOUNT, options={"object": "company"})
    newer = {"subscriptionType": "object.propertyChange", "objectTypeId": "0-2"}
    found = parsed(CHANGE | {"subscriptionType": "company.propertyChange"}, CHANGE | newer, CHANGE, account=account)
    assert ([event.record for event in found.events], found.ignored) == (["companies/7"] * 2, 1)


def test_one_event_of_another_portal_makes_all_of_them_forged() -> None:
    with pytest.raises(Forged):
        parsed(CHANGE, CHANGE | {"portalId": 62516, "subscriptionType": "company.creation"})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[{}]", b"[1]", b"null", b"\xff", b"[" * 100_000,
        msgspec.json.encode([CHANGE] * 101),
        msgspec.json.encode([CHANGE | {"objectId": -7}]),
        msgspec.json.encode([CHANGE | {"objectId": "../7"}]),
        msgspec.json.encode([CHANGE | {"propertyValue": {"hush": 1}}]),
        msgspec.json.encode([CHANGE]).replace(b"62515", b"9" * 400),
    ],
)  # fmt: skip
def test_a_malformed_body_is_bad_input_that_repeats_no_value(body: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        hubspot.parse(Delivery("POST", "/", {}, body, ""), ACCOUNT)
    assert "hush" not in str(caught.value)


def test_the_answer_holds_an_outcome_per_event() -> None:
    reply = hubspot.acknowledge([msgspec.Raw(b'{"status":"scored"}')], 2)
    assert (reply.media_type, reply.body) == ("application/json", b'{"results":[{"status":"scored"}],"ignored":2}')
