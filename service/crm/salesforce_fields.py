"""The custom fields of Salesforce that assessments are written into, made through its Tooling interface.

Sources: developer.salesforce.com, "Tooling API: CustomField" and "Metadata API: CustomField". A field that is made this
way is seen by nobody until a permission set, or a profile, grants it: that remains for a person to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from service.crm.account import Account
from service.crm.interface import Made
from service.crm.salesforce import OBJECT
from service.crm.salesforce_rest import check, code_of, reached
from service.crm.written import WRITTEN, Kind

if TYPE_CHECKING:
    import httpx

CUSTOM = "__c"
"""How the name of a custom field ends; those that end otherwise came with Salesforce."""

_TYPES: dict[Kind, dict[str, Any]] = {
    "number": {"type": "Number", "precision": 18, "scale": 2},
    "flag": {"type": "Checkbox", "defaultValue": "false"},
    "choice": {"type": "Picklist"},
    "text": {"type": "Text", "length": 255},
    "long_text": {"type": "LongTextArea", "length": 4096, "visibleLines": 5},
    "time": {"type": "DateTime"},
}
_EXISTS = {"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"}


def fields_to_create(account: Account) -> list[dict[str, Any]]:
    """The custom fields that `[write_back]` names, as Salesforce takes them."""
    return [_field(account, name, field) for name, field in account.write_back.items() if field.endswith(CUSTOM)]


async def create_fields(client: httpx.AsyncClient, account: Account) -> Mapping[str, Made]:
    """Create the fields, by name; those that exist are left as they are.

    Raises:
        TryAgain: Salesforce is busy, limits us, or cannot be reached.
        Rejected: it will not have one.
    """
    return {field["FullName"]: await _made(client, account, field) for field in fields_to_create(account)}


async def _made(client: httpx.AsyncClient, account: Account, definition: Mapping[str, Any]) -> Made:
    answer = await reached(client, account, "POST", "tooling/sobjects/CustomField", json=definition)
    if answer.status_code == HTTPStatus.BAD_REQUEST and code_of(answer) in _EXISTS:
        return "exists"
    check(answer)
    return "created"


def _field(account: Account, name: str, field: str) -> dict[str, Any]:
    written = WRITTEN[name]
    metadata = {"label": written.label[account.language], **_TYPES[written.kind]}
    if written.choices:
        values = [{"fullName": choice, "label": choice, "default": False} for choice in written.choices]
        metadata["valueSet"] = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}
    return {"FullName": f"{account.options.get('object', OBJECT)}.{field}", "Metadata": metadata}
