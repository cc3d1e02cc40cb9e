"""JSON bodies of webhooks and of their answers, the same for every CRM that speaks JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from service.crm.interface import Reply
from service.errors import BadInput

Body = TypeVar("Body")


def read_body(decoder: msgspec.json.Decoder[Body], body: bytes | msgspec.Raw, at: str = "$") -> Body:
    """What `body`, which lies at the path `at`, holds.

    Raises:
        BadInput: it does not read.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise BadInput(at + path[:-1], reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput(at, "expected JSON in UTF-8") from None


def json_reply(outcomes: Sequence[msgspec.Raw], ignored: int) -> Reply:
    """`{"results": [...], "ignored": 0}`."""
    return Reply("application/json", msgspec.json.encode({"results": list(outcomes), "ignored": ignored}))
