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

Options: `api_version` (default 64.0), `object` (default Lead; others are ignored), `occurred_field`, `user_id`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from service.crm.account import Account
from service.crm.interface import Delivery, Event, Parsed, Reply
from service.crm.salesforce_message import ACKNOWLEDGED, Notification, read_message
from service.errors import BadInput, Forged

API_VERSION = "64.0"
OBJECT = "Lead"
TIMES = ("SystemModstamp", "LastModifiedDate")
"""Fields that say when a record changed; the first that is there counts."""


def verify(delivery: Delivery, account: Account, _now: datetime) -> None:
    """See `Crm.verify`: the URL holds one of the account's secrets."""
    sent = delivery.secret.encode(errors="surrogatepass")
    matches = [hmac.compare_digest(sent, secret.encode()) for secret in account.secrets if secret]
    if not any(matches):
        raise Forged


def parse(delivery: Delivery, account: Account) -> Parsed:
    """See `Crm.parse`."""
    message = read_message(delivery.body)
    if message.organization[:15] not in {each[:15] for each in account.ids}:
        raise Forged
    ours = [each for each in message.notifications if _concerns_us(each, account)]
    events = [_event(each, message.organization, account) for each in ours]
    return Parsed(events, len(message.notifications) - len(events))


def acknowledge(_outcomes: Sequence[msgspec.Raw], _ignored: int) -> Reply:
    """See `Crm.acknowledge`: a message is taken as a whole."""
    return Reply("text/xml; charset=utf-8", ACKNOWLEDGED)


def _concerns_us(notification: Notification, account: Account) -> bool:
    if notification.type != account.options.get("object", OBJECT):
        return False
    user, changed_by = account.options.get("user_id", ""), notification.fields.get("LastModifiedById") or ""
    return not user or changed_by[:15] != user[:15]


def _event(notification: Notification, organization: str, account: Account) -> Event:
    mapped = dict.fromkeys(feature.field for feature in account.features.values())
    return Event(
        key=f"{organization}/{notification.id}",
        prospect_id=account.prefix + notification.record_id,
        record=f"{notification.type}/{notification.record_id}",
        occurred_at=_changed_at(notification, account),
        fields={**mapped, **notification.fields},
    )


def _changed_at(notification: Notification, account: Account) -> float:
    named = account.options.get("occurred_field")
    names = (named,) if named else TIMES
    name = next((each for each in names if notification.fields.get(each)), names[0])
    try:
        return seconds(notification.fields.get(name) or "")
    except ValueError:
        raise BadInput(f"{notification.at}/{name}", "expected a time, such as 2026-11-21T02:00:00.000Z") from None


def seconds(text: str) -> float:
    """A time as Salesforce writes it, in seconds since 1970.

    Raises:
        ValueError: it is none, or has no zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
