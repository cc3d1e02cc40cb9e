"""Pipedrive: webhooks v2 in, the REST interface out.

Nothing signs a webhook. What proves it is the user and the password that the webhook was made with, `user:password` in
the file of secrets, and a company that the account lists. As ten refusals bar a webhook for half an hour, events that
do not concern us are acknowledged like the others.

Assumed, since the documentation does not say it:

- `meta.id` names the event, and is the same when it is sent again; beside it, the key holds action, record and time.
- `meta.timestamp` is when the change was made, in seconds or as ISO 8601: the guide shows both.
- A custom field in a webhook is null or an object, `{"type": "double", "value": 5}`, `{"type": "enum", "id": 29}` or
  `{"type": "set", "values": [{"id": 29}]}`; in the REST interface it is a plain value, a list of options' ids, or an
  object with `value`. An option therefore is its id as a number: the account's `values` say which one means what.
- No custom field holds a flag: it is written as text, yes or no in the account's language.

Options: `entity` (person, the default, lead or deal), `user_id` (whose token we use), `erase_on_delete` (yes: who is
deleted there is erased here).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.answered import read_answer, record_of
from service.crm.bodies import json_reply, read_body
from service.crm.client import answer_of, check, reached
from service.crm.interface import Delivery, Event, Parsed, Record, Value
from service.crm.plain import YES_NO, mapped, seconds
from service.crm.presented import is_known
from service.errors import BadInput, Forged

if TYPE_CHECKING:
    import httpx

PATHS = {"person": "/api/v2/persons", "deal": "/api/v2/deals", "lead": "/api/v1/leads"}
"""Leads can be changed through version 1 alone, which keeps custom fields among the others."""

RULES = Rules(
    needs=("ids",),
    secret=Form(r"[^:]+:.{16,}", "user:password, the password of at least 16 characters"),
    options={
        "entity": Form("|".join(PATHS), "one of " + ", ".join(PATHS)),
        "user_id": Form(r"[0-9]{1,20}", "the number of the user whose token we use"),
        "erase_on_delete": Form("yes|no", "yes or no"),
    },
)

acknowledge = json_reply

_IDS = {"person": re.compile(r"[0-9]{1,20}"), "deal": re.compile(r"[0-9]{1,20}"), "lead": re.compile(r"[0-9a-f-]{36}")}
_CUSTOM = re.compile(r"[0-9a-f]{40}")
_SECONDS = re.compile(r"[0-9]{10}")
_BOOKKEEPING = {"update_time", "custom_fields"}
"""What `previous` may hold beside the fields that somebody changed."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Meta(msgspec.Struct, frozen=True):
    action: str
    entity: str
    entity_id: _Number | str
    company_id: _Number | str
    id: _Number | str
    timestamp: _Number | str
    user_id: _Number | str | None = None
    change_source: str | None = None


class _Body(msgspec.Struct, frozen=True):
    meta: _Meta
    data: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: dict[str, Any]


_body = msgspec.json.Decoder(_Body)
_answer = msgspec.json.Decoder(_Answer)


def verify(delivery: Delivery, account: Account, _now: datetime) -> None:
    """See `Crm.verify`: HTTP Basic with one of the account's secrets, its base64 as it is written by rule."""
    scheme, _, given = delivery.headers.get(b"authorization", b"").partition(b" ")
    expected = [base64.b64encode(secret.encode()).decode() for secret in account.secrets if secret]
    if scheme.lower() != b"basic" or not is_known(given, expected):
        raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """See `Crm.parse`."""
    body = read_body(_body, delivery.body)
    meta = body.meta
    if str(meta.company_id) not in account.ids:
        raise Forged
    erased = meta.action == "delete" and account.options.get("erase_on_delete") == "yes"
    changed = meta.action in {"create", "change"} and not _is_ours(body, account)
    if meta.entity != _entity(account) or not (erased or changed):
        return Parsed([], 1)
    number = str(meta.entity_id)
    if not _IDS[meta.entity].fullmatch(number):
        raise BadInput("$.meta.entity_id", "expected a record's id")
    event = Event(
        key=f"{meta.company_id}/{meta.entity}/{number}/{meta.action}/{meta.timestamp}/{meta.id}",
        prospect_id=account.prefix + number,
        record=f"{meta.entity}/{number}",
        occurred_at=_time(meta.timestamp),
        fields={} if erased else mapped(_flat(body.data or {}), account),
        erase=erased,
    )
    return Parsed([event])


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
    """See `Crm.fetch`."""
    answer = await reached(client, "GET", _path(record))
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    check(answer)
    data = read_answer(_answer, answer.content).data
    return None if data.get("is_deleted") else record_of(_flat(data), account, data.get("update_time"))


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:
    """See `Crm.write`."""
    no, yes = YES_NO[account.language]
    values = {name: (yes if value else no) if isinstance(value, bool) else value for name, value in fields.items()}
    body: dict[str, Any] = values
    if not record.startswith("lead/"):
        body = {name: value for name, value in values.items() if not _CUSTOM.fullmatch(name)}
        body["custom_fields"] = {name: value for name, value in values.items() if _CUSTOM.fullmatch(name)}
    await answer_of(client, "PATCH", _path(record), json=body)


def _entity(account: Account) -> str:
    return account.options.get("entity", "person")


def _path(record: str) -> str:
    entity, _, number = record.partition("/")
    return f"{PATHS[entity]}/{number}"


def _is_ours(body: _Body, account: Account) -> bool:
    """Whether we made this change: with our token, or nothing but the fields that we write is another."""
    meta, user = body.meta, account.options.get("user_id")
    if user and str(meta.user_id) == user and meta.change_source in {None, "api"}:
        return True
    if meta.action != "change" or body.previous is None:
        return False
    changed = _names(body.previous) - _BOOKKEEPING
    return bool(changed) and changed <= set(account.write_back.values())


def _names(fields: Mapping[str, Any]) -> set[str]:
    custom = fields.get("custom_fields")
    return set(fields) | (set(custom) if isinstance(custom, dict) else set())


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its custom fields among the others, each as a value instead of an object."""
    custom = fields.get("custom_fields")
    everything = {**fields, **(custom if isinstance(custom, dict) else {})}
    return {name: _value(field) for name, field in everything.items()}


def _value(field: Any) -> Any:
    if not isinstance(field, dict):
        return field
    if field.get("type") == "set":
        chosen = field.get("values")
        return [each.get("id") for each in chosen if isinstance(each, dict)] if isinstance(chosen, list) else field
    if field.get("type") == "enum":
        return field.get("id", field)
    return field.get("value", field.get("amount", field))


def _time(timestamp: int | str) -> float:
    text = str(timestamp)
    try:
        return float(text) if _SECONDS.fullmatch(text) else seconds(text)
    except ValueError:
        raise BadInput("$.meta.timestamp", "expected seconds since 1970, or a time with its zone") from None
