"""kintone's REST interface as far as we use it, and what its webhooks look like.

Source: cybozu.dev (REST API overview, get and update a record, add form fields, deploy app settings), kintone's help
(contents of a webhook's notification).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tests.support.crm.standin import Answer, Request, StandIn

TOKEN = "BuBNIwbRRaUvr33nWXcfUZ5VhaFsJxN0xH4NPN92"  # noqa: S105 - of nobody
APP = "14"
BUSY = Answer(503, {"code": "GAIA_TM12", "id": "x", "message": "too many requests at once"})
"""kintone sends no Retry-After."""

_CHOICES = {"DROP_DOWN", "RADIO_BUTTON"}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_Body = dict[str, Any]


class Kintone(StandIn):
    """One app: `fields` by code as the form has them, records by id, each with a value per code.

    What is changed with a token was changed by the user Administrator.
    """

    def __init__(self, fields: Mapping[str, Mapping[str, Any]], records: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {code: {"code": code, **each} for code, each in fields.items()}
        self.preview = dict(self.fields)
        self.records = {number: dict(record) for number, record in records.items()}
        self.revisions = dict.fromkeys(records, 1)
        self.deployments = 0
        self.now = "2026-11-21T02:00:00Z"

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-cybozu-api-token") != TOKEN:
            return _error(401, "CB_WA01")
        handle = self._routes().get((request.method, request.path))
        if handle is None:
            return _error(404, "CB_NO02")
        if request.method == "GET":
            if "content-type" in request.headers:
                return _error(400, "CB_IL02")  # a GET must not declare a body
            return handle(dict(request.query))
        if request.headers.get("content-type") != "application/json":
            return _error(415, "CB_IL03")
        return handle(msgspec.json.decode(request.body))

    def shown(self, number: str, modifier: str = "Administrator") -> _Body:
        """The record as kintone shows it, in answers and webhooks."""
        fields = {code: {"type": self.fields[code]["type"], "value": v} for code, v in self.records[number].items()}
        return fields | {
            "更新者": {"type": "MODIFIER", "value": {"code": modifier, "name": modifier}},
            "更新日時": {"type": "UPDATED_TIME", "value": self.now},
            "$revision": {"type": "__REVISION__", "value": str(self.revisions[number])},
            "$id": {"type": "__ID__", "value": number},
        }

    def webhook(self, kind: str, number: str, modifier: str) -> _Body:
        """What kintone posts when `modifier` has done this to the record."""
        common = {"id": "01234567-0123-0123-0123-0123456789ab", "type": kind, "app": {"id": APP, "name": "Leads"}}
        if kind == "DELETE_RECORD":
            by = {"code": modifier, "name": modifier}
            return common | {"recordId": number, "deletedBy": by, "deletedAt": "2026-11-21T02:03:04Z"}
        url = f"https://example.cybozu.example/k/{APP}/show#record={number}"
        return common | {"record": self.shown(number, modifier), "recordTitle": "A visit", "url": url}

    def _routes(self) -> dict[tuple[str, str], Callable[[_Body], Answer]]:
        return {
            ("GET", "/k/v1/record.json"): self._read,
            ("PUT", "/k/v1/record.json"): self._write,
            ("GET", "/k/v1/preview/app/form/fields.json"): self._form,
            ("POST", "/k/v1/preview/app/form/fields.json"): self._add,
            ("POST", "/k/v1/preview/app/deploy.json"): self._deploy,
        }

    def _read(self, query: _Body) -> Answer:
        if query.get("app") != APP or query.get("id") not in self.records:
            return _error(404, "GAIA_RE01")
        return Answer(200, {"record": self.shown(query["id"])})

    def _write(self, body: _Body) -> Answer:
        number = str(body.get("id"))
        if set(body) != {"app", "id", "record"}:
            return _error(400, "CB_VA01")
        if str(body["app"]) != APP or number not in self.records:
            return _error(404, "GAIA_RE01")
        for code, field in body["record"].items():
            known = self.fields.get(code)
            if known is None or set(field) != {"value"} or not _takes(known, field["value"]):
                return _error(400, "CB_VA01")
        self.records[number] |= {code: field["value"] for code, field in body["record"].items()}
        self.revisions[number] += 1
        return Answer(200, {"revision": str(self.revisions[number])})

    def _form(self, query: _Body) -> Answer:
        if query.get("app") != APP:
            return _error(404, "GAIA_AP01")
        return Answer(200, {"properties": self.preview, "revision": "1"})

    def _add(self, body: _Body) -> Answer:
        properties = body.get("properties")
        if set(body) != {"app", "properties"} or body["app"] != APP or not isinstance(properties, dict):
            return _error(400, "CB_VA01")
        for code, field in properties.items():
            choices = field.get("options", {})
            wrong = any(each != {"label": name, "index": each["index"]} for name, each in choices.items())
            if code in self.preview or field["code"] != code or not field["label"] or wrong:
                return _error(400, "GAIA_FC02")
            if (field["type"] in _CHOICES) != bool(choices):
                return _error(400, "CB_VA01")
        self.preview |= properties
        return Answer(200, {"revision": "2"})

    def _deploy(self, body: _Body) -> Answer:
        if body != {"apps": [{"app": APP}]}:
            return _error(400, "CB_VA01")
        self.fields = dict(self.preview)
        self.deployments += 1
        return Answer(200, {})


def _takes(field: Mapping[str, Any], value: object) -> bool:
    if value in ("", None):
        return True
    if not isinstance(value, str):
        return False
    if field["type"] == "NUMBER":
        return _NUMBER.fullmatch(value) is not None
    if field["type"] == "DATETIME":
        return _MOMENT.fullmatch(value) is not None
    if field["type"] in _CHOICES:
        return value in field["options"]
    return field["type"] in {"SINGLE_LINE_TEXT", "MULTI_LINE_TEXT"}


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"code": code, "id": "1505999166-897850006", "message": "refused"})
