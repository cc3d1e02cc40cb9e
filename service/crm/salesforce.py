"""Salesforce: Outbound Messages in, the REST interface out.

Nothing signs an Outbound Message. What proves it is a secret in the URL that it is sent to, an organization that the
account lists, and, at the proxy in front of us, Salesforce's client certificate.

Assumed, since the documentation does not say it or could not be tried:

- An empty field is left out of a message (or comes as xsi:nil), so every field that the mapping names must be among
  those that the message is defined with: one that is not there is taken to be empty.
- A message holds the record as it was when it was sent, so its time is the record's `SystemModstamp`, else its
  `LastModifiedDate`; one of them, or the field that the option `occurred_field` names, must be in the message. Both
  count whole seconds; of two changes within one, the one that arrives last is kept.
- A change is ours when the record's `LastModifiedById` is the option `user_id`. As a message tells only the last state,
  a change of somebody else's just before ours is then ignored with it. It is better to take the permission "Send
  Outbound Messages" from our user, and to leave the option out.

Sources: developer.salesforce.com, "Understanding Outbound Messaging", "REST API Developer Guide: sObject Rows" and
"Status Codes and Error Responses".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.interface import Delivery, Event, Parsed, Record, Reply, Value
from service.crm.plain import seconds
from service.crm.presented import is_known
from service.crm.salesforce_message import ACKNOWLEDGED, Notification, read_message
from service.crm.salesforce_rest import check, code_of, reached
from service.errors import BadInput, Forged, Rejected
from service.settings import SECRET_BYTES

if TYPE_CHECKING:
    import httpx

OBJECT = "Lead"
TIMES = ("SystemModstamp", "LastModifiedDate")
"""Fields that say when a record changed; the first that is there counts."""

_NAME = r"[A-Za-z][A-Za-z0-9_]{0,79}"
RULES = Rules(
    needs=("ids",),
    options={
        "api_version": Form(r"[0-9]{2,3}\.0", "a version of Salesforce's interface, such as 64.0"),
        "object": Form(_NAME, "the kind of record that is a prospect, such as Lead"),
        "occurred_field": Form(_NAME, "the field that says when a record changed"),
        "oauth": Form("client_credentials", "client_credentials: the token file then holds client_id:client_secret"),
        "user_id": Form(r"005[A-Za-z0-9]{12}(?:[A-Z0-5]{3})?", "the id of the user as whom we write, 005..."),
    },
    secret=Form(
        rf"[A-Za-z0-9_-]{{{SECRET_BYTES},}}", f"at least {SECRET_BYTES} letters, digits, - and _: it is a part of a URL"
    ),
)

_GONE = {"NOT_FOUND", "ENTITY_IS_DELETED"}

_record = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder(Value)


def verify(delivery: Delivery, account: Account, _now: datetime) -> None:
    """Let pass a request whose URL holds one of the account's secrets.

    Raises:
        Forged: anything else.
    """
    if not is_known(delivery.secret, account.secrets):
        raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """What a verified message says; other kinds of records, and our own changes, are passed over.

    Raises:
        BadInput: it is malformed.
        Forged: it is of another organization.
    """
    message = read_message(delivery.body)
    if message.organization[:15] not in {each[:15] for each in account.ids}:
        raise Forged
    ours = [each for each in message.notifications if _concerns(each, account)]
    events = [_event(each, message.organization, account) for each in ours]
    return Parsed(events, len(message.notifications) - len(events))


def acknowledge(_outcomes: Sequence[msgspec.Raw], _ignored: int) -> Reply:
    """The acknowledgement: a message is taken as a whole."""
    return Reply("text/xml", ACKNOWLEDGED)


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
    """The record with the fields that the mapping names, None where Salesforce has none such.

    Raises:
        TryAgain: it is busy, limits us, or cannot be reached.
        Rejected: it will not, however often it is asked.
    """
    time = account.options.get("occurred_field", TIMES[0])
    fields = sorted({*account.fields, time})
    answer = await reached(client, account, "GET", f"sobjects/{record}", params={"fields": ",".join(fields)})
    if answer.status_code == 404 and code_of(answer) in _GONE:
        return None
    check(answer)
    try:
        read = _record.decode(answer.content)
        as_of = seconds(msgspec.json.decode(read[time], type=str))
        return Record({name: _value.decode(read[name]) for name in account.fields}, as_of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, ValueError):
        raise Rejected("GET: answered with no record, or without a field that was asked for") from None


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:
    """Write an assessment into the record's fields.

    Raises:
        TryAgain, Rejected: as `fetch`.
    """
    check(await reached(client, account, "PATCH", f"sobjects/{record}", json=dict(fields)))


def _concerns(notification: Notification, account: Account) -> bool:
    if notification.type != account.options.get("object", OBJECT):
        return False
    user, changed_by = account.options.get("user_id", ""), notification.fields.get("LastModifiedById") or ""
    return not user or changed_by[:15] != user[:15]


def _event(notification: Notification, organization: str, account: Account) -> Event:
    return Event(
        key=f"{organization}/{notification.id}",
        prospect_id=account.prefix + notification.record_id,
        record=f"{notification.type}/{notification.record_id}",
        occurred_at=_changed_at(notification, account),
        fields={name: notification.fields.get(name) for name in account.fields},
    )


def _changed_at(notification: Notification, account: Account) -> float:
    named = account.options.get("occurred_field")
    names = (named,) if named else TIMES
    name = next((each for each in names if notification.fields.get(each)), names[0])
    try:
        return seconds(notification.fields.get(name))
    except ValueError:
        raise BadInput(f"{notification.at}/{name}", "expected a time, such as 2026-11-21T02:00:00.000Z") from None
