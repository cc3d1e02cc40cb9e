"""Zoho CRM: notifications and workflow webhooks in, the REST interface (version 8) out.

What proves a notification is the `token` in its body, of at most 50 characters, that its channel was made with, beside
a channel that the account lists; what proves a workflow webhook is a secret in its header `x-gatekeeper-secret`. What
they say is read in `zoho_events.py`. The records of a notification are fetched; its `resource_uri` is never called.

Options: `module` (default Leads), `user_id` (whose token we use), `timezone` (of workflow webhooks), `erase_on_delete`
(yes: who is deleted there is erased here), `accounts_url` (where access tokens are renewed, see `zoho_token.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.answered import read_answer, record_of
from service.crm.bodies import json_reply, read_body
from service.crm.client import answer_of, check, reached
from service.crm.interface import Delivery, Parsed, Record, Value
from service.crm.presented import is_known
from service.crm.zoho_events import from_notification, from_webhook
from service.crm.zoho_token import renewing
from service.errors import BadInput, Forged, Rejected

if TYPE_CHECKING:
    import httpx

SECRET_HEADER = b"x-gatekeeper-secret"

RULES = Rules(
    secret=Form(r".{16,50}", "16 to 50 characters, as many as Zoho's tokens may have"),
    options={
        "module": Form(r"[A-Za-z][A-Za-z0-9_]{0,99}", "a module's API name, such as Leads"),
        "user_id": Form(r".+", "the user whose token we use, as workflow webhooks call it"),
        "timezone": Form(r"[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}", "the time zone of workflow webhooks, such as Asia/Tokyo"),
        "accounts_url": Form(r"https://[!-~]+|http://127\.0\.0\.1:[0-9]+", "such as https://accounts.zoho.com"),
        "erase_on_delete": Form("yes|no", "yes or no"),
    },
)

acknowledge = json_reply


class _Proof(msgspec.Struct, frozen=True):
    token: str
    channel_id: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] | str


class _Records(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]


class _Outcome(msgspec.Struct, frozen=True):
    code: str


class _Outcomes(msgspec.Struct, frozen=True):
    data: list[_Outcome]


_proof = msgspec.json.Decoder(_Proof)
_records = msgspec.json.Decoder(_Records)
_outcomes = msgspec.json.Decoder(_Outcomes)


def verify(delivery: Delivery, account: Account, _now: datetime) -> None:
    """See `Crm.verify`: the header holds a secret, or else the body does, and names a channel of the account's."""
    presented = delivery.headers.get(SECRET_HEADER)
    if presented is not None:
        if not is_known(presented, account.secrets):
            raise Forged
        return
    try:
        proof = read_body(_proof, delivery.body)
    except BadInput:
        raise Forged from None
    if not is_known(proof.token, account.secrets) or str(proof.channel_id) not in account.ids:
        raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """See `Crm.parse`."""
    if SECRET_HEADER in delivery.headers:
        return from_webhook(delivery.body, account)
    return from_notification(delivery.body, account)


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
    """See `Crm.fetch`."""
    query = {"fields": ",".join([*account.fields, "Modified_Time"])}
    answer = await reached(client, "GET", f"/crm/v8/{record}", params=query, auth=_auth(client, account))
    if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.NO_CONTENT}:
        return None
    check(answer)
    data = read_answer(_records, answer.content).data
    return record_of(data[0], account, data[0].get("Modified_Time")) if data else None


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:
    """See `Crm.write`. No workflow runs on it, so that none sends it back to us."""
    values = dict(fields)
    if isinstance(at := values.get(moment := account.write_back.get("scored_at", "")), str):
        values[moment] = at.replace("Z", "+00:00")  # Zoho shows an offset in every time that it gives or takes
    body = {"data": [values], "trigger": []}
    answer = await answer_of(client, "PUT", f"/crm/v8/{record}", json=body, auth=_auth(client, account))
    outcomes = read_answer(_outcomes, answer.content).data  # a refused record is told in the body of a success too
    if [each.code for each in outcomes] != ["SUCCESS"]:
        raise Rejected("PUT: Zoho has not written the record")


def _auth(client: httpx.AsyncClient, account: Account) -> httpx.Auth | None:
    """What renews the client's access token, made with the first request; None where the token is one itself."""
    if client.auth is None and "accounts_url" in account.options:
        client.auth = renewing(account.options["accounts_url"], account.token)
    return client.auth
