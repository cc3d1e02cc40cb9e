"""The fields of a kintone app that assessments are written into.

Source: cybozu.dev, "Add Form Fields" and "Deploy App Settings". The token needs the permission to manage the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from service.crm.account import Account
from service.crm.answered import read_answer
from service.crm.client import answer_of
from service.crm.interface import Made
from service.crm.kintone import path_of
from service.crm.plain import YES_NO
from service.crm.written import WRITTEN, Kind, Written
from service.settings import Language

if TYPE_CHECKING:
    import httpx

_TYPES: dict[Kind, str] = {
    "number": "NUMBER",
    "flag": "DROP_DOWN",
    "choice": "DROP_DOWN",
    "text": "SINGLE_LINE_TEXT",
    "long_text": "MULTI_LINE_TEXT",
    "time": "DATETIME",
}


class _Form(msgspec.Struct, frozen=True):
    properties: dict[str, msgspec.Raw]


_form = msgspec.json.Decoder(_Form)


def fields_to_create(account: Account) -> list[dict[str, Any]]:
    """The fields that `[write_back]` names, as kintone takes them."""
    return [_field(code, WRITTEN[name], account.language) for name, code in account.write_back.items()]


async def create_fields(client: httpx.AsyncClient, account: Account) -> Mapping[str, Made]:
    """Create the fields in each of the account's apps, by code; those that exist are left as they are.

    Fields come to life some seconds later, when kintone has applied the app's settings, and whatever else was
    changed in these but not applied with them.

    Raises:
        TryAgain: kintone is busy, limits us, or cannot be reached.
        Rejected: it will not have one.
    """
    made: dict[str, Made] = {}
    for app in sorted(account.ids):
        form = await answer_of(client, "GET", path_of(account, "preview/app/form/fields.json"), params={"app": app})
        there = read_answer(_form, form.content).properties
        missing = {field["code"]: field for field in fields_to_create(account) if field["code"] not in there}
        made |= {
            code: "created" if code in missing else made.get(code, "exists") for code in account.write_back.values()
        }
        if missing:
            body = {"app": app, "properties": missing}
            await answer_of(client, "POST", path_of(account, "preview/app/form/fields.json"), json=body)
            await answer_of(client, "POST", path_of(account, "preview/app/deploy.json"), json={"apps": [{"app": app}]})
    return made


def _field(code: str, written: Written, language: Language) -> dict[str, Any]:
    made = {"type": _TYPES[written.kind], "code": code, "label": written.label[language]}
    choices = YES_NO[language] if written.kind == "flag" else written.choices
    if not choices:
        return made
    return made | {"options": {each: {"label": each, "index": str(place)} for place, each in enumerate(choices)}}
