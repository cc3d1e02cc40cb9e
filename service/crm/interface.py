"""What a CRM's module is to the rest: three things over plain values, beside the words that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from service.crm.account import Account, Rules

if TYPE_CHECKING:
    import httpx  # slow to import, and only the worker calls a CRM

Value = bool | int | float | str | None
"""A field's value as CRMs send and take it."""

Made = Literal["created", "exists"]
"""What came of a field that a CRM was asked to create."""


class Delivery(msgspec.Struct, frozen=True):
    """A webhook's request as it came: nothing of it is believed before `verify`.

    target: path and query as they were sent.
    headers: names in lower case.
    secret: the URL's secret segment, empty where it has none.
    """

    method: str
    target: str
    headers: Mapping[bytes, bytes]
    body: bytes
    secret: str


class Event(msgspec.Struct, frozen=True):
    """What a CRM says has happened to one prospect.

    key: the same for a repeat, and for no other event of this CRM.
    record: how the CRM's own interface calls the record, such as `Lead/00Q...`; opaque to the rest.
    occurred_at: seconds since 1970, by the CRM's clock.
    fields: by the CRM's own names; empty where the event says only that something happened.
    erase: the person is to be forgotten; nothing else of the event counts.
    """

    key: str
    prospect_id: str
    record: str
    occurred_at: float
    fields: Mapping[str, Value]
    erase: bool = False


class Parsed(msgspec.Struct, frozen=True):
    """The events of one request that concern us, and how many do not: those are acknowledged, or they come again."""

    events: Sequence[Event]
    ignored: int = 0


class Reply(msgspec.Struct, frozen=True):
    """How a CRM wants to be told that its request was taken."""

    media_type: str
    body: bytes


class Record(msgspec.Struct, frozen=True):
    """A record as the CRM has it; `as_of` is when it last changed, in seconds since 1970 by the CRM's clock."""

    fields: Mapping[str, Value]
    as_of: float


class Crm(Protocol):
    """A module such as `service.crm.hubspot`; `RULES` says what its account must state."""

    RULES: Rules

    def verify(self, delivery: Delivery, account: Account, now: datetime) -> None:
        """Let pass what the CRM has sent; total: every other input is the one refusal.

        Raises:
            Forged: it is not proved, or too old.
        """

    def parse(self, delivery: Delivery, account: Account) -> Parsed:
        """What a verified request says.

        Raises:
            BadInput: it is malformed.
            Forged: it is of another account.
        """

    def acknowledge(self, outcomes: Sequence[msgspec.Raw], ignored: int) -> Reply:
        """The answer to a request whose events came out like this, each as JSON."""

    async def fetch(self, client: httpx.AsyncClient, account: Account, record: str) -> Record | None:
        """The record with the fields that the mapping names, None where the CRM has none such.

        Raises:
            TryAgain: it is busy, limits us, or cannot be reached.
            Rejected: it will not, however often it is asked.
        """

    async def write(
        self, client: httpx.AsyncClient, account: Account, record: str, fields: Mapping[str, Value]
    ) -> None:
        """Write an assessment into the record's fields, which have the CRM's own names.

        Raises:
            TryAgain, Rejected: as `fetch`.
        """


class Installer(Protocol):
    """A module that knows which fields a CRM needs before `write` can write into them."""

    def fields_to_create(self, account: Account) -> list[dict[str, Any]]:
        """Their definitions, as the CRM's own interface takes them."""

    async def create_fields(self, client: httpx.AsyncClient, account: Account) -> Mapping[str, Made]:
        """Create them, by name; one that exists is left as it is.

        Raises:
            TryAgain, Rejected: as `Crm.fetch`.
        """
