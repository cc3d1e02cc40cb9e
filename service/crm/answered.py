"""What a CRM's own interface answers in JSON, read: an answer that does not read is a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from service.crm.account import Account
from service.crm.interface import Record
from service.crm.plain import mapped, seconds
from service.errors import Rejected

Body = TypeVar("Body")


def read_answer(decoder: msgspec.json.Decoder[Body], content: bytes) -> Body:
    """What the answer's content holds.

    Raises:
        Rejected: it does not read.
    """
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("answered with something else than its documentation says") from None


def record_of(fields: Mapping[str, Any], account: Account, changed_at: object) -> Record:
    """The record that has these fields and last changed at `changed_at`, a time of ISO 8601.

    Raises:
        Rejected: that is no time.
    """
    try:
        return Record(mapped(fields, account), seconds(changed_at))
    except ValueError:
        raise Rejected("answered with a record that has no time") from None
