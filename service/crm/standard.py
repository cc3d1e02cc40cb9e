"""Standard Webhooks (standardwebhooks.com), for whatever has no module of its own: both ways the same signature.

A sender calls fields as the contract does unless its mapping says otherwise, and posts

    {"type": "prospect.created", "timestamp": "2026-11-21T02:00:00Z",
     "data": {"prospect_id": "L-1001", "features": {"contract": "Month-to-month"}}}

or `prospect.updated`, with what has changed; `prospect.deleted`, without features, erases the person. An assessment
is posted to `api_url` as `prospect.assessed`, its data being the id and what `write_back` names. Nothing is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from service.crm.account import Account, Form, Rules
from service.crm.bodies import json_reply, read_body
from service.crm.client import answer_of
from service.crm.interface import Delivery, Event, Parsed, Record, Value
from service.errors import Forged
from service.wire import check_id

if TYPE_CHECKING:
    import httpx

TOLERANCE_S = 5 * 60
PREFIX = "whsec_"

RULES = Rules(
    secret=Form(
        PREFIX + r"(?=.{32,84}$|.{86}==$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
        f"{PREFIX} and base64 of 24 to 64 bytes",
    ),
    token=False,
    own_names=True,
)

acknowledge = json_reply

_ID = re.compile(rb"[!-\-/-~]{1,256}")
"""What can be seen, but no full stop: it parts the id from the time in what is signed."""

_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_TYPES = {"prospect.created", "prospect.updated", "prospect.deleted"}


class _Data(msgspec.Struct):
    prospect_id: str
    features: dict[str, Value] = {}


class _Message(msgspec.Struct):
    """A message of any type; `data` is read where the type is ours."""

    type: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    data: msgspec.Raw


_message = msgspec.json.Decoder(_Message)
_data = msgspec.json.Decoder(_Data)


def verify(delivery: Delivery, account: Account, now: datetime) -> None:
    """Let pass what is signed with one of the secrets, at most 5 minutes from `now`; several signatures may be sent.

    The signatures are compared as text: an encoding of our own is canonical, so no second spelling passes.

    Raises:
        Forged: anything else.
    """
    message_id = delivery.headers.get(b"webhook-id", b"")
    sent = delivery.headers.get(b"webhook-timestamp", b"")
    signatures = delivery.headers.get(b"webhook-signature", b"").split(b" ")
    if _ID.fullmatch(message_id) is None or _TIMESTAMP.fullmatch(sent) is None:
        raise Forged
    if abs(now.timestamp() - int(sent)) > TOLERANCE_S:
        raise Forged
    for secret in account.secrets:
        expected = sign(secret, message_id, sent, delivery.body)
        if expected and any(hmac.compare_digest(expected, signature) for signature in signatures):
            return
    raise Forged


def sign(secret: str, message_id: bytes, sent: bytes, body: bytes) -> bytes:
    """The signature of a message, such as `v1,K5oZ...=`; empty where the secret is none."""
    if re.fullmatch(RULES.secret.pattern, secret) is None:
        return b""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return b"v1," + base64.b64encode(hmac.digest(key, b"%s.%s.%s" % (message_id, sent, body), "sha256"))


def parse(delivery: Delivery, account: Account) -> Parsed:
    """What a verified request says: one event, whose key is the message's id; other types are passed over.

    Raises:
        BadInput: it is malformed.
    """
    message = read_body(_message, delivery.body)
    if message.type not in _TYPES:
        return Parsed([], 1)
    data = read_body(_data, message.data, "$.data")
    prospect_id = account.prefix + data.prospect_id
    check_id(prospect_id, "$.data.prospect_id")
    erase = message.type == "prospect.deleted"
    event = Event(
        key=delivery.headers[b"webhook-id"].decode("ascii"),
        prospect_id=prospect_id,
        record=data.prospect_id,
        occurred_at=message.timestamp.timestamp(),
        fields={} if erase else data.features,
        erase=erase,
    )
    return Parsed([event])


async def fetch(client: httpx.AsyncClient, account: Account, record: str) -> Record | None:  # noqa: ARG001
    """None: a sender has no interface to ask."""
    return None


async def write(client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]) -> None:
    """Post an assessment, signed with every secret so that the receiver may rotate; its id is the same when repeated.

    Raises:
        TryAgain: the receiver is busy, limits us, or cannot be reached.
        Rejected: it will not, however often it is asked.
    """
    data = msgspec.json.encode({"prospect_id": record, **fields})
    message_id = b"msg_" + hashlib.sha256(data).hexdigest()[:32].encode()
    now = datetime.now(UTC)
    sent = b"%d" % now.timestamp()
    body = msgspec.json.encode({"type": "prospect.assessed", "timestamp": now, "data": msgspec.Raw(data)})
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": sent,
        "webhook-signature": b" ".join(sign(secret, message_id, sent, body) for secret in account.secrets),
    }
    await answer_of(client, "POST", account.api_url, content=body, headers=headers)
