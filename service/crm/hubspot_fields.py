"""The custom properties of HubSpot that assessments are written into.

Source: developers.hubspot.com, "CRM API: properties".
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from service.crm.account import Account
from service.crm.client import check, reached
from service.crm.hubspot import OBJECTS, object_type
from service.crm.interface import Made
from service.crm.written import WRITTEN, Kind, Written
from service.settings import Language

if TYPE_CHECKING:
    import httpx

GROUP = "gatekeeper"

_TYPES: dict[Kind, tuple[str, str]] = {
    "number": ("number", "number"),
    "flag": ("bool", "booleancheckbox"),
    "choice": ("enumeration", "select"),
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "time": ("datetime", "date"),
}
"""The type of each kind's values, and how HubSpot shows them."""

_FLAG: dict[Language, tuple[str, str]] = {"en": ("Yes", "No"), "ja": ("はい", "いいえ")}


def fields_to_create(account: Account) -> list[dict[str, Any]]:
    """The properties that `[write_back]` names, as HubSpot takes them."""
    return [_property(field, WRITTEN[name], account.language) for name, field in account.write_back.items()]


async def create_fields(client: httpx.AsyncClient, account: Account) -> Mapping[str, Made]:
    """Create the properties in a group of their own, by name; those that exist are left as they are.

    Raises:
        TryAgain: HubSpot is busy, limits us, or cannot be reached.
        Rejected: it will not have one.
    """
    path = f"/crm/v3/properties/{OBJECTS[object_type(account)][0]}"
    await _made(client, f"{path}/groups", {"name": GROUP, "label": "Gatekeeper"})
    return {field["name"]: await _made(client, path, field) for field in fields_to_create(account)}


async def _made(client: httpx.AsyncClient, path: str, definition: Mapping[str, Any]) -> Made:
    answer = await reached(client, "POST", path, json=definition)
    if answer.status_code == HTTPStatus.CONFLICT:
        return "exists"
    check(answer)
    return "created"


def _property(field: str, written: Written, language: Language) -> dict[str, Any]:
    kind, shown_as = _TYPES[written.kind]
    made = {"name": field, "label": written.label[language], "groupName": GROUP, "type": kind, "fieldType": shown_as}
    options = [(choice, choice) for choice in written.choices]
    if written.kind == "flag":
        options = list(zip(("true", "false"), _FLAG[language], strict=True))
    if not options:
        return made
    return made | {
        "options": [
            {"value": value, "label": label, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(options)
        ]
    }
