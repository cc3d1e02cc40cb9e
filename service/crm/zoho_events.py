"""What Zoho CRM says has happened: a notification of ids alone, or a workflow webhook with fields.

A notification (`/crm/v8/actions/watch`) names up to hundreds of records; a workflow webhook has a body that we
prescribe, see docs/crm-zoho.md. Assumed, since the documentation does not say it:

- `server_time` is when the change was made, in milliseconds; with channel, record and operation it names the event. A
  notification is not sent again.
- `affected_values` is a list of `{"record_id", "values"}`, and `affected_fields`, where it is not empty, one of
  `{record id: [field, ...]}`; in another form it says nothing. An update that names no field cannot be told from our
  own writing and is ignored: so the channel must be made with `return_affected_field_values`, and there is no endless
  loop without it.
- A time in a workflow webhook is ISO 8601, or as its format `yyyy-mm-dd H:M:S` has it, with or without leading zeros,
  in the webhook's own time zone: the option `timezone`.
- `modified_by` holds what the option `user_id` says; it is not needed, as what we write starts no workflow.
"""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from datetime import datetime
from typing import Annotated, Any

import msgspec

from service.crm.account import Account
from service.crm.bodies import read_body
from service.crm.interface import Event, Parsed
from service.crm.plain import mapped, seconds
from service.errors import BadInput

_ID = re.compile(r"[0-9]{1,20}")
_FORMAT = "%Y-%m-%d %H:%M:%S"
_UNPADDED = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}")
_CHANGES = {"insert", "update"}
_BOOKKEEPING = {"Modified_By", "Modified_Time", "Last_Activity_Time"}
"""What changes with every change."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Values(msgspec.Struct, frozen=True):
    record_id: _Number | str
    values: dict[str, Any] = {}


class _Notification(msgspec.Struct, frozen=True):
    channel_id: _Number | str
    module: str
    operation: str
    ids: list[_Number | str]
    server_time: _Number
    affected_fields: Any = None
    affected_values: list[_Values] | None = None


class _Webhook(msgspec.Struct, frozen=True):
    module: str
    id: _Number | str
    time: str
    fields: dict[str, Any] = {}
    operation: str = "update"
    modified_by: str | None = None


_notification = msgspec.json.Decoder(_Notification)
_webhook = msgspec.json.Decoder(_Webhook)


def from_notification(body: bytes, account: Account) -> Parsed:
    """What a notification says: events without fields.

    Raises:
        BadInput: it is malformed.
    """
    sent = read_body(_notification, body)
    erased = sent.operation == "delete" and account.options.get("erase_on_delete") == "yes"
    if sent.module != _module(account) or not (erased or sent.operation in _CHANGES):
        return Parsed([], len(sent.ids))
    numbers = [_number(each, f"$.ids[{place}]") for place, each in enumerate(sent.ids)]
    touched = _touched(sent)
    ours = set(account.write_back.values()) | _BOOKKEEPING
    events = [
        Event(
            key=f"{sent.channel_id}/{sent.module}/{number}/{sent.operation}/{sent.server_time}",
            prospect_id=account.prefix + number,
            record=f"{sent.module}/{number}",
            occurred_at=sent.server_time / 1000,
            fields={},
            erase=erased,
        )
        for number in numbers
        if sent.operation != "update" or not touched.get(number, set()) <= ours
    ]
    return Parsed(events, len(numbers) - len(events))


def from_webhook(body: bytes, account: Account) -> Parsed:
    """What a workflow webhook says: at most one event, whose key is the body itself.

    Raises:
        BadInput: it is malformed.
    """
    sent = read_body(_webhook, body)
    user = account.options.get("user_id")
    erased = sent.operation == "delete" and account.options.get("erase_on_delete") == "yes"
    changed = sent.operation in _CHANGES and not (user and sent.modified_by == user)
    if sent.module != _module(account) or not (erased or changed):
        return Parsed([], 1)
    number = _number(sent.id, "$.id")
    event = Event(
        key=f"webhook/{sent.module}/{number}/{sent.operation}/{hashlib.sha256(body).hexdigest()}",
        prospect_id=account.prefix + number,
        record=f"{sent.module}/{number}",
        occurred_at=_time(sent.time, account),
        fields={} if erased else mapped(sent.fields, account),
        erase=erased,
    )
    return Parsed([event])


def _touched(sent: _Notification) -> dict[str, set[str]]:
    """The fields that changed, by record."""
    touched: dict[str, set[str]] = {}
    listed = sent.affected_fields if isinstance(sent.affected_fields, list) else []
    for number, names in (pair for each in listed if isinstance(each, dict) for pair in each.items()):
        if isinstance(names, list):
            touched.setdefault(number, set()).update(name for name in names if isinstance(name, str))
    for each in sent.affected_values or ():
        touched.setdefault(str(each.record_id), set()).update(each.values)
    return touched


def _number(record_id: int | str, at: str) -> str:
    number = str(record_id)
    if not _ID.fullmatch(number):
        raise BadInput(at, "expected a record's id")
    return number


def _time(text: str, account: Account) -> float:
    """A time as a merge field writes it, in the option's time zone where it has none."""
    try:
        at = datetime.strptime(text, _FORMAT) if _UNPADDED.fullmatch(text) else datetime.fromisoformat(text)  # noqa: DTZ007
        if at.tzinfo is None:
            at = at.replace(tzinfo=zoneinfo.ZoneInfo(account.options["timezone"]))
        return seconds(at.isoformat())
    except (ValueError, KeyError):  # an unknown zone is a KeyError too
        raise BadInput("$.time", "expected a time with its zone, or the option timezone") from None


def _module(account: Account) -> str:
    return account.options.get("module", "Leads")
