"""Fields as CRMs that speak JSON hold them, made plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.crm.account import Account
from service.crm.interface import Value
from service.settings import Language

YES_NO: dict[Language, tuple[str, str]] = {"en": ("No", "Yes"), "ja": ("いいえ", "はい")}
"""A flag as people read it, for CRMs that have no field for one: false first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALARS = (bool, int, float, str)


def mapped(fields: Mapping[str, Any], account: Account) -> dict[str, Value]:
    """Those of a record's fields that are features, where they are plain; no other goes beyond the CRM's module.

    One choice out of a list is that choice. Several are one text, joined by commas: a category that the contract
    does not know, unless its book has it so. A field that holds an object is left out: persons, files, tables.
    """
    found: dict[str, Value] = {}
    for name in account.fields:
        value = fields.get(name, _ABSENT)
        if value is None or isinstance(value, _SCALARS):
            found[name] = value
        elif isinstance(value, list) and all(isinstance(each, _SCALARS) for each in value):
            found[name] = value[0] if len(value) == 1 else ", ".join(map(str, value)) or None
    return found


def seconds(text: object) -> float:
    """A time of ISO 8601 with its zone, in seconds since 1970.

    Raises:
        ValueError: it is none.
    """
    try:
        return (datetime.fromisoformat(str(text)) - _EPOCH).total_seconds()
    except (TypeError, OverflowError):
        raise ValueError("expected a time with its zone") from None


_ABSENT = object()
