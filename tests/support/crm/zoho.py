"""Zoho CRM's REST interface (version 8) as far as we use it, and what it notifies us of.

Source: zoho.com/crm/developer/docs/api/v8 (get records, update records, notifications, refresh an access token).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from tests.support.crm.standin import Answer, Request, StandIn

CHANNEL = "1000000068001"
CREDENTIALS = "1000.CLIENT:secret-of-the-client:1000.refresh.token"
LIMITED = Answer(429, {"code": "TOO_MANY_REQUESTS", "details": {}, "message": "limit reached", "status": "error"})

_ROUTE = re.compile(r"/crm/v8/(?P<module>[A-Za-z_]+)/(?P<id>[0-9]+)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_FIELDS_MAX = 50
_FORM = {"client_id": "1000.CLIENT", "client_secret": "secret-of-the-client", "refresh_token": "1000.refresh.token"}


class Zoho(StandIn):
    """Holds records by module and id, such as `Leads/55`; `types` says what each field of a module takes.

    Types are those of Zoho: double, boolean, text (255 characters), textarea, datetime, or a picklist's values.
    Access tokens are numbered; the one that was granted last is good until `expire`.
    """

    def __init__(
        self, records: Mapping[str, Mapping[str, Any]], types: Mapping[str, str | list[str]] | None = None
    ) -> None:
        super().__init__()
        self.records = {name: dict(record) for name, record in records.items()}
        self.types = dict(types or {})
        self.granted = 0

    def expire(self) -> None:
        """End the life of the access token that was granted last."""
        self.granted += 1

    @property
    def token(self) -> str:
        return f"1000.access.{self.granted}"

    def answer(self, request: Request) -> Answer:
        if request.path == "/oauth/v2/token":
            return self._grant(request)
        if request.headers.get("authorization") != f"Zoho-oauthtoken {self.token}":
            return _error(401, "INVALID_TOKEN")
        route = _ROUTE.fullmatch(request.path)
        if route is None:
            return _error(404, "INVALID_URL_PATTERN")
        record = self.records.get(f"{route['module']}/{route['id']}")
        if request.method == "GET":
            return self._read(request, record)
        if request.method != "PUT":
            return _error(405, "INVALID_REQUEST_METHOD")
        return self._write(request, record)

    def _grant(self, request: Request) -> Answer:
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Answer(200, {"error": "invalid_request"})
        if form != {"grant_type": "refresh_token", **_FORM}:
            return Answer(200, {"error": "invalid_client"})  # in an answer that calls itself a success
        self.granted += 1
        return Answer(200, {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})

    def _read(self, request: Request, record: dict[str, Any] | None) -> Answer:
        names = [name for name in request.query.get("fields", "").split(",") if name]
        if len(names) > _FIELDS_MAX:
            return _error(400, "LIMIT_EXCEEDED")
        if record is None:
            return Answer(204)
        return Answer(200, {"data": [{"id": record["id"], **{name: record[name] for name in names if name in record}}]})

    def _write(self, request: Request, record: dict[str, Any] | None) -> Answer:
        if request.headers.get("content-type") != "application/json":
            return _error(400, "INVALID_DATA")
        body = msgspec.json.decode(request.body)
        if set(body) - {"data", "trigger"} or not isinstance(body.get("data"), list) or len(body["data"]) != 1:
            return _error(400, "INVALID_DATA")
        if record is None:
            return _refused("INVALID_DATA", "id")
        for name, value in body["data"][0].items():
            if value is not None and not self._takes(name, value):
                return _refused("INVALID_DATA", name)
        record.update(body["data"][0])
        return Answer(
            200, {"data": [{"code": "SUCCESS", "details": {}, "message": "record updated", "status": "success"}]}
        )

    def _takes(self, name: str, value: object) -> bool:
        kind = self.types.get(name)
        if isinstance(kind, list):
            return value in kind
        return {
            "double": isinstance(value, int | float) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "text": isinstance(value, str) and len(value) <= 255,
            "textarea": isinstance(value, str) and len(value) <= 32_000,
            "datetime": isinstance(value, str) and _MOMENT.fullmatch(value) is not None,
        }.get(kind or "", False)


def notification(*ids: str, operation: str = "insert", token: str, **parts: Any) -> dict[str, Any]:
    """What Zoho posts to a channel's URL; `parts` are added or replace others."""
    return {
        "server_time": 1795226400250,
        "affected_values": [],
        "query_params": {},
        "module": "Leads",
        "resource_uri": "https://www.zohoapis.example/crm/v8/Leads",
        "ids": list(ids),
        "affected_fields": [],
        "operation": operation,
        "channel_id": CHANNEL,
        "token": token,
    } | parts


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"code": code, "details": {}, "message": "refused", "status": "error"})


def _refused(code: str, field: str) -> Answer:
    """How one record of a request is refused: where it is the only one, with the status of a failure."""
    outcome = {"code": code, "details": {"api_name": field}, "message": "invalid data", "status": "error"}
    return Answer(400, {"data": [outcome]})
