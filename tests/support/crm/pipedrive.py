"""Pipedrive's REST interface as far as we use it, and what its webhooks of version 2 look like.

Source: developers.pipedrive.com (API reference, rate limiting), pipedrive.readme.io (guides of API and webhooks v2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tests.support.crm.standin import Answer, Request, StandIn

TOKEN = "f0e1d2c3b4a5968778695a4b3c2d1e0f12345678"  # noqa: S105 - of nobody
COMPANY = 7717331
LIMITED = Answer(
    429, {"success": False, "error": "request over limit"}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"}
)
"""Pipedrive sends no Retry-After."""

TEXT, LARGE_TEXT, NUMBER, OPTION, DAY = (f"{letter}" * 40 for letter in "abcde")
"""The keys of the custom fields that there are, by their types."""

_TYPES: dict[str, tuple[type, ...]] = {
    TEXT: (str,),
    LARGE_TEXT: (str,),
    NUMBER: (int, float),
    OPTION: (int,),
    DAY: (str,),
}
_ROUTE = re.compile(r"/api/(?:v2/(?P<entity>persons|deals)/(?P<id>[0-9]+)|v1/(?P<lead>leads)/(?P<uuid>[0-9a-f-]{36}))")


class Pipedrive(StandIn):
    """Holds records by path, such as `persons/7`, each with `custom_fields` as version 2 has them."""

    def __init__(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self.records = {name: dict(record) for name, record in records.items()}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-api-token") != TOKEN:
            return Answer(401, {"success": False, "error": "unauthorized access", "errorCode": 401})
        route = _ROUTE.fullmatch(request.path)
        record = self.records.get(request.path.split("/", 3)[3]) if route else None
        if route is None or record is None:
            return Answer(404, {"success": False, "error": "Not found"})
        if request.method == "PATCH":
            fault = _write(request, record, is_lead=route["lead"] is not None)
            if fault:
                return Answer(400, {"success": False, "error": f"Validation failed: {fault}", "code": "ERR_SCHEMA"})
        elif request.method != "GET":
            return Answer(405, {"success": False, "error": "Method not allowed"})
        return Answer(200, {"success": True, "data": record})


def webhook(
    action: str = "change",
    entity: str = "person",
    entity_id: str | int = "7",
    data: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    """What Pipedrive posts; `meta` replaces parts of the block of that name."""
    block = {
        "action": action,
        "entity": entity,
        "company_id": str(COMPANY),
        "correlation_id": "f6bd39e2-a2ef-4d3f-8d43-0c9f3d5f1d2a",
        "entity_id": entity_id,
        "id": "0b7ac9a0-7d4f-4a65-a8f9-9dd6b3c1d2e1",
        "is_bulk_edit": False,
        "timestamp": "2026-11-21T02:00:00.250Z",
        "type": "general",
        "user_id": "111",
        "version": "2.0",
        "webhook_id": "42",
        "webhook_owner_id": "111",
        "change_source": "app",
        "attempt": 1,
        "host": "example.pipedrive.com",
        "permitted_user_ids": ["111"],
    }
    return {"meta": block | meta, "data": data, "previous": previous}


def _write(request: Request, record: dict[str, Any], *, is_lead: bool) -> str:
    """Change the record, or say what is wrong with the request."""
    if request.headers.get("content-type") != "application/json":
        return "content type"
    body: dict[str, Any] = msgspec.json.decode(request.body)
    at_root = {name: value for name, value in body.items() if len(name) == 40}
    custom: dict[str, Any] = at_root if is_lead else body.get("custom_fields", {})
    others = {name: value for name, value in body.items() if name not in custom and name != "custom_fields"}
    if "custom_fields" in body and is_lead:
        return "custom_fields"
    for name, value in custom.items():
        expected = _TYPES.get(name)
        if expected is None or (value is not None and (isinstance(value, bool) or not isinstance(value, expected))):
            return f"custom_fields.{name}"
        if name == TEXT and len(str(value)) > 255:
            return f"custom_fields.{name}"
    for name in others:
        if name not in {"name", "title", "label_ids", "owner_id"}:
            return name
    record.update(others)
    if is_lead:
        record.update(custom)
    else:
        record["custom_fields"] = {**record.get("custom_fields", {}), **custom}
    return ""
