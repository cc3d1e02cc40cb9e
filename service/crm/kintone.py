"""kintone: webhooks of an app in, the REST interface out.

Nothing signs a webhook. What proves it is a secret in the URL that it is sent to, and an app that the account lists. It
brings the whole record; imports and changes to many records at once send none, and nothing is sent twice.

Assumed, since the documentation does not say it:

- What is written with an API token was changed by the user `Administrator`, so an update by that user is ours, and so
  would be one by another program with a token: give us a user of our own with `user`, if there is one. Records that
  such a user adds are scored: nobody adds them on our behalf.
- `UPDATED_TIME` counts whole minutes. The revision orders what falls into one, a millisecond for each.
- A deletion says who and when as `deletedBy` and `deletedAt` in the help, `deleteBy` and `deleteAt` elsewhere.

Options: `user` (by its login name, default Administrator), `guest_space` (the number of the space that the app is in),
`erase_on_delete` (yes: whose record is deleted there is erased here).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.answered import read_answer, record_of
from service.crm.bodies import json_reply, read_body
from service.crm.client import answer_of, check, reached
from service.crm.interface import Delivery, Event, Parsed, Record, Value
from service.crm.plain import YES_NO, mapped, seconds
from service.crm.presented import is_known
from service.errors import BadInput, Forged, Rejected

if TYPE_CHECKING:
    import httpx

RULES = Rules(
    needs=("ids",),
    secret=Form(r"[A-Za-z0-9_-]{16,}", "at least 16 letters, digits, hyphens and underscores, as it is part of a URL"),
    options={
        "user": Form(r".+", "the login name of the user as whom we write"),
        "guest_space": Form(r"[0-9]{1,20}", "the number of a guest space"),
        "erase_on_delete": Form("yes|no", "yes or no"),
    },
)

acknowledge = json_reply

_ID = re.compile(r"[0-9]{1,20}")
_CHANGES = {"ADD_RECORD", "UPDATE_RECORD", "UPDATE_STATUS"}
_REVISION_S = 0.001
_MINUTE_S = 60.0


class _App(msgspec.Struct, frozen=True):
    id: str


class _Field(msgspec.Struct, frozen=True):
    type: str
    value: Any = None


class _Webhook(msgspec.Struct, frozen=True):
    id: str
    type: str
    app: _App
    record: dict[str, _Field] = {}
    record_id: str | None = msgspec.field(default=None, name="recordId")
    deleted_at: str | None = msgspec.field(default=None, name="deletedAt")
    delete_at: str | None = msgspec.field(default=None, name="deleteAt")


class _Answer(msgspec.Struct, frozen=True):
    record: dict[str, _Field]


_webhook = msgspec.json.Decoder(_Webhook)
_answer = msgspec.json.Decoder(_Answer)


def verify(delivery: Delivery, account: Account, _now: datetime) -> None:
    """See `Crm.verify`: the URL holds one of the account's secrets."""
    if not is_known(delivery.secret, account.secrets):
        raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """See `Crm.parse`."""
    sent = read_body(_webhook, delivery.body)
    if sent.app.id not in account.ids:
        raise Forged
    if sent.type == "DELETE_RECORD" and account.options.get("erase_on_delete") == "yes":
        return Parsed([_erasure(sent, account)])
    if sent.type not in _CHANGES or _is_ours(sent, account):
        return Parsed([], 1)
    number, revision = _text(sent.record, "$id"), _text(sent.record, "$revision")
    for text, field in ((number, "$id"), (revision, "$revision")):
        if not _ID.fullmatch(text):
            raise BadInput(f'$.record["{field}"].value', "expected a whole number in a text")
    event = Event(
        key=f"{sent.app.id}/{number}/{revision}/{sent.type}",
        prospect_id=account.prefix + number,
        record=f"{sent.app.id}/{number}",
        occurred_at=_time(_updated(sent.record), "$.record") + _within_minute(revision),
        fields=mapped({code: field.value for code, field in sent.record.items()}, account),
    )
    return Parsed([event])


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
    """See `Crm.fetch`."""
    app, _, number = record.partition("/")
    answer = await reached(client, "GET", path_of(account, "record.json"), params={"app": app, "id": number})
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    check(answer)
    found = read_answer(_answer, answer.content).record
    revision = _text(found, "$revision")
    if not _ID.fullmatch(revision):
        raise Rejected("answered with a record that has no revision")
    plain = record_of({code: field.value for code, field in found.items()}, account, _updated(found))
    return Record(plain.fields, plain.as_of + _within_minute(revision))


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:
    """See `Crm.write`. Numbers go as texts, an empty text makes a field empty, and a flag is one of two choices."""
    app, _, number = record.partition("/")
    values = {code: {"value": _written(value, account)} for code, value in fields.items()}
    body = {"app": app, "id": number, "record": values}
    await answer_of(client, "PUT", path_of(account, "record.json"), json=body)


def path_of(account: Account, resource: str) -> str:
    """Where a resource of the REST interface is, in a guest space or outside of all."""
    space = account.options.get("guest_space")
    return f"/k/guest/{space}/v1/{resource}" if space else f"/k/v1/{resource}"


def _erasure(sent: _Webhook, account: Account) -> Event:
    number = sent.record_id or ""
    if not _ID.fullmatch(number):
        raise BadInput("$.recordId", "expected a whole number in a text")
    return Event(
        key=f"{sent.app.id}/{number}/{sent.id}",
        prospect_id=account.prefix + number,
        record=f"{sent.app.id}/{number}",
        occurred_at=_time(sent.deleted_at or sent.delete_at, "$.deletedAt"),
        fields={},
        erase=True,
    )


def _is_ours(sent: _Webhook, account: Account) -> bool:
    modifiers = [field.value for field in sent.record.values() if field.type == "MODIFIER"]
    user = account.options.get("user", "Administrator")
    return sent.type == "UPDATE_RECORD" and any(isinstance(by, dict) and by.get("code") == user for by in modifiers)


def _updated(record: Mapping[str, _Field]) -> Any:
    """When the record last changed: the value of the one field of this type, whatever the app calls it."""
    return next((field.value for field in record.values() if field.type == "UPDATED_TIME"), None)


def _within_minute(revision: str) -> float:
    return min(int(revision) * _REVISION_S, _MINUTE_S - _REVISION_S)


def _text(record: Mapping[str, _Field], code: str) -> str:
    field = record.get(code)
    return field.value if field is not None and isinstance(field.value, str) else ""


def _time(text: object, at: str) -> float:
    try:
        return seconds(text)
    except ValueError:
        raise BadInput(at, "expected a time with its zone, such as 2026-11-21T02:00:00Z") from None


def _written(value: Value, account: Account) -> str:
    if value is None:
        return ""
    return YES_NO[account.language][value] if isinstance(value, bool) else str(value)
