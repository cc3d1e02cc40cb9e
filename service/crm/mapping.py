"""From a CRM's fields to features: which is which, what its values are called, and of what kind they must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from models.contract import Contract, Kind, Scalar, normalize
from models.errors import FeatureError, nearest
from service.crm.account import Account, Field
from service.crm.interface import Value

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MILLISECONDS = re.compile(r"-?[0-9]{9,15}")
"""A time as a number: fewer digits are rather a year, or a day without hyphens."""

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Changes(msgspec.Struct, frozen=True):
    """Features that the contract takes, None where one is missing now; `refused` names the CRM's fields it does not."""

    features: dict[str, Scalar]
    refused: list[str]


def changes(account: Account, contract: Contract, fields: Mapping[str, Value]) -> Changes:
    """What `fields`, by the CRM's names, say of a prospect; a field that no feature is made of is passed over."""
    features: dict[str, Scalar] = {}
    refused: list[str] = []
    for name, field in _mapped(account, fields):
        try:
            value = _as_kind(_kind(contract, name), _called(field, fields[field.field]))
            contract.codes(name, value)
        except FeatureError:
            refused.append(field.field)
        else:
            features[name] = value
    return Changes(features, sorted(set(refused)))


def faults(account: Account, contract: Contract) -> list[str]:
    """What of the mapping does not fit the contract, with the nearest right names."""
    found = []
    for name, field in account.features.items():
        at = f"{account.crm}.toml: features.{name}"
        try:
            contract.codes(name, None)
            kind = _kind(contract, name)
        except FeatureError as error:
            found.append(f"{at}: {error.reason}")
            continue
        for value, target in field.values.items():
            reason = _category_fault(contract, name, target) if kind == "category" else _fault(contract, name, target)
            if reason:
                found.append(f"{at}.values.{value}: {reason}")
    return found


def _mapped(account: Account, fields: Mapping[str, Value]) -> Iterator[tuple[str, Field]]:
    if not account.features:
        return ((name, Field(name)) for name in fields)
    return ((name, field) for name, field in account.features.items() if field.field in fields)


def _kind(contract: Contract, name: str) -> Kind | None:
    """The kind of a feature as it is sent; None where the contract has none such."""
    columns = contract.positions.get(name)
    if columns is None:
        return None
    feature = contract.features[columns[0]]
    return feature.kind if feature.part is None else "date"


def _called(field: Field, value: Value) -> Value:
    """The value as the contract calls it."""
    return field.values.get(_text(value), value) if field.values and value is not None else value


def _as_kind(kind: Kind | None, value: Value) -> Scalar:
    """The value as its kind is sent to us, where that is plain; else as it came, for the contract to judge.

    CRMs send most values as text: "12.5", "true", a date as ISO 8601 or in milliseconds since 1970; "" is none.
    """
    if isinstance(value, str) and not value.strip():
        return None
    if kind == "category" and not isinstance(value, str) and value is not None:
        return _text(value)
    if kind == "date":
        return _day(value)
    if isinstance(value, str):
        text = value.strip()
        if kind == "number" and _NUMBER.fullmatch(text):
            return float(text)
        if kind == "flag":
            return _FLAGS.get(text.lower(), value)
    return value


def _day(value: Value) -> Scalar:
    """A time in milliseconds as its day in UTC."""
    text = _text(value) if isinstance(value, int | float | str) else ""
    if _MILLISECONDS.fullmatch(text.strip()) is None:
        return value
    try:
        return (_EPOCH + timedelta(milliseconds=int(text))).date().isoformat()
    except OverflowError:
        return value


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _fault(contract: Contract, name: str, target: Value) -> str:
    try:
        contract.codes(name, _as_kind(_kind(contract, name), target))
    except FeatureError as error:
        return error.reason
    return ""


def _category_fault(contract: Contract, name: str, target: Value) -> str:
    feature = contract.features[contract.positions[name][0]]
    known = (*feature.categories, *feature.rare)
    text = normalize(_text(target))
    if not text or text in known:
        return ""
    return f"{text!r} is no category of this feature{nearest(text, known) or '; it has ' + ', '.join(known[:10])}"
