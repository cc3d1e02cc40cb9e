"""HubSpot: webhooks of version 3, signed; the record's own properties come from, and go to, the CRM object API.

Source: developers.hubspot.com, "Validating requests", "Webhooks API" and "CRM API: objects". Where these leave it open:
the signed URI has the configured origin and path, since a proxy may have changed them, and the query as it was sent.
A plain deletion is passed over, as people restore records; a privacy deletion erases the person.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.bodies import json_reply, read_body
from service.crm.client import answer_of, check, reached
from service.crm.interface import Delivery, Event, Parsed, Record, Value
from service.errors import BadInput, Forged, Rejected

if TYPE_CHECKING:
    import httpx

EVENTS_MAX = 100
TOLERANCE_MS = 5 * 60 * 1000

OBJECTS = {
    "contact": ("contacts", "0-1"),
    "company": ("companies", "0-2"),
    "deal": ("deals", "0-3"),
    "lead": ("leads", "0-136"),
}
"""What options.object may be: its name in the object API, and its type id in webhooks of the newer kind."""

RULES = Rules(
    needs=("public_url", "ids"),
    options={
        "object": Form("|".join(OBJECTS), "one of " + ", ".join(OBJECTS)),
        "app_id": Form(r"[0-9]{1,20}", "the number of our app in HubSpot"),
    },
)

acknowledge = json_reply

_ESCAPES = {b"%3A": b":", b"%2F": b"/", b"%3F": b"?", b"%40": b"@", b"%21": b"!", b"%24": b"$"} | {
    b"%27": b"'", b"%28": b"(", b"%29": b")", b"%2A": b"*", b"%2C": b",", b"%3B": b";"
}  # fmt: skip
_ESCAPE = re.compile(b"|".join(_ESCAPES))
_TIMESTAMP = re.compile(rb"[0-9]{1,15}")
_CHANGES = {"creation", "propertyChange", "restore"}
_PRIVACY = "privacyDeletion"

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Change(msgspec.Struct, rename="camel"):
    """One event; those of associations have no objectId."""

    event_id: _Number
    subscription_id: _Number
    portal_id: _Number
    occurred_at: _Number
    subscription_type: str
    object_id: _Number | None = None
    object_type_id: str | None = None
    change_source: str | None = None
    source_id: str | int | None = None
    property_name: str | None = None
    property_value: Value = None


class _Object(msgspec.Struct, rename="camel"):
    properties: dict[str, Value]
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]


_changes = msgspec.json.Decoder(list[_Change])
_object = msgspec.json.Decoder(_Object)


def verify(delivery: Delivery, account: Account, now: datetime) -> None:
    """Let pass what is signed with one of the secrets, at most 5 minutes from `now`.

    The signatures are compared as text: an encoding of our own is canonical, so no second spelling passes.

    Raises:
        Forged: anything else.
    """
    signature = delivery.headers.get(b"x-hubspot-signature-v3", b"")
    sent = delivery.headers.get(b"x-hubspot-request-timestamp", b"")
    if _TIMESTAMP.fullmatch(sent) is None or abs(now.timestamp() * 1000 - int(sent)) > TOLERANCE_MS:
        raise Forged
    method = delivery.method.encode("utf-8", "surrogatepass")
    content = b"".join((method, _uri(account.public_url, delivery.target), delivery.body, sent))
    for secret in account.secrets:
        if secret and hmac.compare_digest(base64.b64encode(hmac.digest(secret.encode(), content, "sha256")), signature):
            return
    raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """What a verified request says; events of other objects, and of our own changes, are passed over.

    Raises:
        BadInput: it is malformed.
        Forged: it is of another account.
    """
    found = read_body(_changes, delivery.body)
    if len(found) > EVENTS_MAX:
        raise BadInput("$", f"expected at most {EVENTS_MAX} events, got {len(found)}")
    if any(str(change.portal_id) not in account.ids for change in found):
        raise Forged
    wanted = frozenset(account.fields)
    events = [_event(change, account) for change in found if _concerns(change, account, wanted)]
    return Parsed(events, len(found) - len(events))


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
    """The record with the properties that the mapping names, None where HubSpot has none such.

    Raises:
        TryAgain: it is busy, limits us, or cannot be reached.
        Rejected: it will not, however often it is asked.
    """
    answer = await reached(client, "GET", _path(record), params={"properties": ",".join(account.fields)})
    if answer.status_code == 404:
        return None
    check(answer)
    try:
        read = _object.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("GET: answered with no record") from None
    return Record(read.properties, read.updated_at.timestamp())


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:  # noqa: ARG001
    """Write an assessment into the record's properties.

    Raises:
        TryAgain, Rejected: as `fetch`.
    """
    properties = {name: _written(value) for name, value in fields.items()}
    await answer_of(client, "PATCH", _path(record), json={"properties": properties})


def object_type(account: Account) -> str:
    """Which of OBJECTS are the prospects."""
    return account.options.get("object", "contact")


def _uri(public_url: str, target: str) -> bytes:
    query = target.partition("?")[1:]
    uri = "".join((public_url.partition("?")[0], *query)).encode("utf-8", "surrogatepass")
    return _ESCAPE.sub(lambda found: _ESCAPES[found[0]], uri) if b"%" in uri else uri


def _concerns(change: _Change, account: Account, wanted: frozenset[str]) -> bool:
    if change.object_id is None:
        return False
    kind, _, what = change.subscription_type.partition(".")
    ours = object_type(account)
    if kind != ours and (kind != "object" or change.object_type_id != OBJECTS[ours][1]):
        return False
    if what == _PRIVACY:
        return True
    if what not in _CHANGES or _is_our_own(change, account):
        return False
    return what != "propertyChange" or change.property_name in wanted


def _is_our_own(change: _Change, account: Account) -> bool:
    if change.property_name in account.write_back.values():
        return True
    app_id = account.options.get("app_id")
    return app_id is not None and change.change_source == "INTEGRATION" and str(change.source_id) == app_id


def _event(change: _Change, account: Account) -> Event:
    parts = (change.portal_id, change.subscription_id, change.object_id, change.occurred_at, change.event_id)
    fields = {} if change.property_name is None else {change.property_name: change.property_value}
    return Event(
        key=":".join(map(str, parts)),
        prospect_id=f"{account.prefix}{change.object_id}",
        record=f"{OBJECTS[object_type(account)][0]}/{change.object_id}",
        occurred_at=change.occurred_at / 1000,
        fields=fields,
        erase=change.subscription_type.endswith(_PRIVACY),
    )


def _path(record: str) -> str:
    return f"/crm/v3/objects/{record}"


def _written(value: Value) -> str:
    """HubSpot's own spelling: every value is a text, and an empty one clears the property."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
