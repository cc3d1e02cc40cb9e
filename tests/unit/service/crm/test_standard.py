"""Standard Webhooks: what the reference library signs is let in and nothing else, and it lets in what we sign."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from service.crm import standard
from service.crm.account import Account
from service.crm.client import api_client
from service.crm.interface import Delivery
from service.errors import BadInput, Forged
from tests.support.crm.mutations import changed, other_key
from tests.support.crm.standin import Answer, Request, StandIn
from tests.support.readme import ROOT, Page

NOW = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


SECRET, OLD_SECRET = secret_of(bytes(range(32))), secret_of(b"k" * 24)
ACCOUNT = Account(crm="standard", secrets=(SECRET, OLD_SECRET), prefix="eu-")
MESSAGE: dict[str, Any] = {
    "type": "prospect.updated",
    "timestamp": "2026-11-21T10:59:58.5+09:00",
    "data": {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 70.5}},
}
BODY = msgspec.json.encode(MESSAGE)
MUTATIONS, TOGETHER = 5_000, 20
"""Changes to try, and how many an example draws, since drawing an example costs more than trying it."""


def delivery(
    body: bytes = BODY, *, secret: str = SECRET, at: datetime = NOW, message_id: str = "msg_p5jXN8AQM9LWM0D4loKWxJek"
) -> Delivery:
    """A request as the reference library signs it."""
    headers = {
        b"webhook-id": message_id.encode(),
        b"webhook-timestamp": str(int(at.timestamp())).encode(),
        b"webhook-signature": Webhook(secret).sign(message_id, at, body.decode()).encode(),
    }
    return Delivery("POST", "/v1/webhooks/standard", headers, body, "")


def with_header(sent: Delivery, name: bytes, value: bytes) -> Delivery:
    return msgspec.structs.replace(sent, headers={**sent.headers, name: value})


def parsed(message: object) -> Any:
    return standard.parse(delivery(msgspec.json.encode(message)), ACCOUNT)


@pytest.mark.parametrize("body", [BODY, b"", '{"名": 1}'.encode(), b"x" * 100_000])
@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_what_the_reference_library_signs_is_let_in_while_secrets_rotate(body: bytes, secret: str) -> None:
    standard.verify(delivery(body, secret=secret), ACCOUNT, NOW)


def test_one_genuine_signature_among_several_suffices() -> None:
    sent = delivery()
    genuine = sent.headers[b"webhook-signature"]
    several = b" ".join([b"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw", b"v1,", b"nonsense", genuine])
    standard.verify(with_header(sent, b"webhook-signature", several), ACCOUNT, NOW)


@pytest.mark.parametrize("sign", [1, -1])
def test_more_than_five_minutes_either_way_are_too_many(sign: int) -> None:
    standard.verify(delivery(at=NOW + sign * timedelta(minutes=5)), ACCOUNT, NOW)
    with pytest.raises(Forged):
        standard.verify(delivery(at=NOW + sign * timedelta(minutes=5, seconds=1)), ACCOUNT, NOW)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_short", "no prefix", secret_of(b"k" * 23), secret_of(b"k" * 65), "whsec_" + "=" * 44],
)
def test_a_secret_of_another_size_proves_nothing(secret: str) -> None:
    with pytest.raises(Forged):
        standard.verify(delivery(), msgspec.structs.replace(ACCOUNT, secrets=(secret,)), NOW)


def test_a_full_stop_cannot_move_from_the_id_to_the_time() -> None:
    sent = delivery(message_id=f"msg.{int(NOW.timestamp())}")
    with pytest.raises(Forged):
        standard.verify(sent, ACCOUNT, NOW)
    moved = b"%s.%s" % (sent.headers[b"webhook-timestamp"], BODY)
    with pytest.raises(BadInput):
        standard.parse(msgspec.structs.replace(with_header(sent, b"webhook-id", b"msg"), body=moved), ACCOUNT)


GENUINE = delivery()


def resent(name: bytes, value: bytes | None) -> tuple[Delivery, Account]:
    headers = {**GENUINE.headers, name: value}
    kept = {name: value for name, value in headers.items() if value is not None}
    return msgspec.structs.replace(GENUINE, headers=kept), ACCOUNT


def is_another(signatures: bytes) -> bool:
    """Whether the genuine signature is not among several."""
    return GENUINE.headers[b"webhook-signature"] not in signatures.split(b" ")


MUTANTS = st.one_of(
    changed(BODY).map(lambda body: (msgspec.structs.replace(GENUINE, body=body), ACCOUNT)),
    *(
        st.one_of(changed(value).filter(is_another), st.none()).map(partial(resent, name))
        for name, value in GENUINE.headers.items()
    ),
    other_key(bytes(range(32))).map(
        lambda key: (GENUINE, msgspec.structs.replace(ACCOUNT, secrets=(secret_of(key.ljust(24, b"!")[:64]),)))
    ),
)


@settings(max_examples=MUTATIONS // TOGETHER, derandomize=True, deadline=None, database=None)
@given(st.lists(MUTANTS, min_size=TOGETHER, max_size=TOGETHER))
def test_no_change_to_what_is_signed_is_let_in_nor_raises_anything_else(
    mutants: list[tuple[Delivery, Account]],
) -> None:
    for mutant in mutants:
        with pytest.raises(Forged):
            standard.verify(*mutant, NOW)


def test_a_message_is_one_event_whose_key_is_its_id() -> None:
    (event,) = parsed(MESSAGE).events
    assert (event.key, event.prospect_id, event.record) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "eu-L-1001", "L-1001")
    assert event.occurred_at == datetime(2026, 11, 21, 1, 59, 58, 500_000, tzinfo=UTC).timestamp()
    assert event.fields == MESSAGE["data"]["features"]


def test_the_documented_message_is_one() -> None:
    documented = Page(ROOT / "docs" / "crm.md").blocks("json")[0]
    (event,) = standard.parse(delivery(documented.encode()), ACCOUNT).events
    assert (event.record, event.fields) == ("L-1001", MESSAGE["data"]["features"])


def test_a_deletion_erases_the_person() -> None:
    (event,) = parsed(MESSAGE | {"type": "prospect.deleted", "data": {"prospect_id": "L-1001"}}).events
    assert event.erase


def test_other_types_are_counted_and_taken_whatever_they_hold() -> None:
    found = parsed(MESSAGE | {"type": "prospect.assessed", "data": [1]})
    assert (list(found.events), found.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ([], "$"),
        ({"type": "prospect.updated", "data": {}}, "$"),
        (MESSAGE | {"timestamp": "2026-11-21T10:59:58"}, "$.timestamp"),
        (MESSAGE | {"data": {"features": {}}}, "$.data"),
        (MESSAGE | {"data": {"prospect_id": "a\nb"}}, "$.data.prospect_id"),
        (MESSAGE | {"data": {"prospect_id": "x" * 200}}, "$.data.prospect_id"),
        (MESSAGE | {"data": {"prospect_id": "L", "features": {"a": ["hush"]}}}, "$.data.features[...]"),
    ],
)
def test_a_malformed_message_is_bad_input_with_its_path(message: object, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        parsed(message)
    assert caught.value.path == path
    assert "hush" not in str(caught.value)


class _Receiver(StandIn):
    """Whoever takes assessments: verified by the reference library."""

    def answer(self, request: Request) -> Answer:
        for secret in (SECRET, OLD_SECRET):
            Webhook(secret).verify(request.body, dict(request.headers))
        return Answer(204)


def test_an_assessment_is_posted_so_that_the_reference_library_lets_it_in() -> None:
    async def run(account: Account) -> None:
        async with api_client(account) as client:
            assert await standard.fetch(client, account, "L-1001") is None
            for _ in range(2):
                await standard.write(client, account, "L-1001", {"band": "high", "pltv": None})

    with _Receiver() as receiver:
        asyncio.run(run(msgspec.structs.replace(ACCOUNT, api_url=f"{receiver.url}/assessed")))
        first, again = receiver.received
    assert (first.method, first.path) == ("POST", "/assessed")
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    message = msgspec.json.decode(first.body)
    assert (message["type"], message["data"]) == (
        "prospect.assessed",
        {"prospect_id": "L-1001", "band": "high", "pltv": None},
    )
