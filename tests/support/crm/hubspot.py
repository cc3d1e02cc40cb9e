"""HubSpot's CRM API, as far as it is called, and as strict as its documentation says.

Sources: developers.hubspot.com, "CRM API: objects", "CRM API: properties", "API usage guidelines and limits".
`python -m tests.support.crm.hubspot --port N --journal FILE` runs it as a process that may be killed: what it was
told is in the journal, one JSON line a change, and is read again at start.
"""

from __future__ import annotations

import argparse
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.support.crm.standin import Answer, Request, StandIn

TOKEN = "pat-na1-00000000-stand-in"  # noqa: S105 - lets nobody in anywhere else
BATCH_MAX = 100
TEXT_MAX = 65_536
WINDOW_S = 10.0

FIELD_TYPES = {
    "bool": {"booleancheckbox"},
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select"},
    "date": {"date"},
    "datetime": {"date"},
    "string": {"file", "text", "textarea"},
    "number": {"number"},
}
FORMS: dict[str, str] = {
    "bool": "true|false",
    "number": r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{9,15}",
    "datetime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z|[0-9]{9,15}",
}
STANDARD = ("email", "firstname", "lastname", "createdate", "lastmodifieddate", "hs_object_id")


class HubSpot(StandIn):
    """A portal with contacts: `contacts` by id, `properties` by name.

    Args:
        port: 0 takes a free one.
        journal: where changes are kept, so that a killed process has them when it starts again.
        limit: requests in any 10 s, beyond which they are refused; 0: any number.
    """

    def __init__(self, port: int = 0, journal: Path | None = None, limit: int = 0) -> None:
        super().__init__(port)
        self.contacts: dict[str, dict[str, str]] = {}
        self.updated_ms: dict[str, int] = {}
        self.properties: dict[str, dict[str, Any]] = {name: {"name": name, "type": "string"} for name in STANDARD}
        self.groups = {"contactinformation"}
        self.writes: list[tuple[str, dict[str, str]]] = []
        self._limit = limit
        self._recent: deque[float] = deque()
        self._journal = journal.open("a+b", buffering=0) if journal else None
        if self._journal is not None:
            self._journal.seek(0)
            for line in self._journal.read().splitlines():
                self._replay(msgspec.json.decode(line))

    def contact(self, contact_id: int, **properties: str) -> None:
        """A contact as a person typed it in; properties that it needs are there from then on."""
        self._keep({"id": str(contact_id), "properties": properties, "at": _now_ms()})

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "INVALID_AUTHENTICATION")
        if self._is_over_limit():
            body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
            return Answer(429, body, {"Retry-After": "10"})
        if request.method in {"POST", "PATCH"} and not _is_json(request):
            return _error(415, "UNSUPPORTED_MEDIA_TYPE")
        for method, path, handle in self._routes():
            match = re.fullmatch(path, request.path)
            if match and method == request.method:
                try:
                    return handle(request, *match.groups())
                except (msgspec.DecodeError, KeyError, TypeError):
                    return _error(400, "VALIDATION_ERROR", "INVALID_JSON")
        return _error(404, "NOT_FOUND")

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        objects, properties = "/crm/v3/objects/contacts", "/crm/v3/properties/contacts"
        return [
            ("GET", f"{objects}/([^/]+)", self._read),
            ("PATCH", f"{objects}/([^/]+)", self._update),
            ("POST", f"{objects}/batch/update", self._update_batch),
            ("GET", properties, lambda _: Answer(200, {"results": list(self.properties.values())})),
            ("POST", properties, self._create),
            ("POST", f"{properties}/groups", self._create_group),
        ]

    def _read(self, request: Request, contact_id: str) -> Answer:
        known = self.contacts.get(contact_id)
        if known is None:
            return _error(404, "OBJECT_NOT_FOUND")
        asked = [name for name in request.query.get("properties", "").split(",") if name in self.properties]
        return Answer(200, self._shown(contact_id, {name: known.get(name) for name in asked}))

    def _update(self, request: Request, contact_id: str) -> Answer:
        properties = _exactly(request.body, {"properties"})["properties"]
        if contact_id not in self.contacts:
            return _error(404, "OBJECT_NOT_FOUND")
        wrong = self._wrong(properties)
        if wrong:
            return _error(400, "VALIDATION_ERROR", wrong)
        self._write(contact_id, properties)
        return Answer(200, self._shown(contact_id, properties))

    def _update_batch(self, request: Request) -> Answer:
        inputs = _exactly(request.body, {"inputs"})["inputs"]
        if len(inputs) > BATCH_MAX or len({each["id"] for each in inputs}) < len(inputs):
            return _error(400, "VALIDATION_ERROR", "BATCH")
        for each in inputs:
            if each["id"] not in self.contacts:
                return _error(404, "OBJECT_NOT_FOUND")
            if wrong := self._wrong(each["properties"]):
                return _error(400, "VALIDATION_ERROR", wrong)
        for each in inputs:
            self._write(each["id"], each["properties"])
        results = [self._shown(each["id"], each["properties"]) for each in inputs]
        now = _iso(_now_ms())
        return Answer(200, {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now})

    def _create(self, request: Request) -> Answer:
        made = msgspec.json.decode(request.body)
        options = made.get("options") or []
        if made["name"] in self.properties:
            return _error(409, "OBJECT_ALREADY_EXISTS")
        if (
            re.fullmatch(r"[a-z][a-z0-9_]{0,99}", made["name"]) is None
            or not made["label"]
            or made["groupName"] not in self.groups
            or made["fieldType"] not in FIELD_TYPES.get(made["type"], ())
            or (made["type"] == "enumeration" and not options)
            or (made["type"] == "bool" and {option["value"] for option in options} != {"true", "false"})
        ):
            return _error(400, "VALIDATION_ERROR", "INVALID_PROPERTY")
        self._keep({"property": made})
        return Answer(201, made)

    def _create_group(self, request: Request) -> Answer:
        group = _exactly(request.body, {"name", "label"})
        if group["name"] in self.groups:
            return _error(409, "OBJECT_ALREADY_EXISTS")
        self._keep({"group": group["name"]})
        return Answer(201, {**group, "archived": False, "displayOrder": -1})

    def _shown(self, contact_id: str, properties: Mapping[str, str | None]) -> dict[str, Any]:
        shown = {"hs_object_id": contact_id, **properties}
        updated = _iso(self.updated_ms[contact_id])
        return {"id": contact_id, "properties": shown, "archived": False, "createdAt": updated, "updatedAt": updated}

    def _wrong(self, properties: Mapping[str, Any]) -> str:
        """Why HubSpot does not take these properties, or nothing."""
        for name, value in properties.items():
            known = self.properties.get(name)
            if known is None:
                return "PROPERTY_DOESNT_EXIST"
            if not isinstance(value, str) or len(value) > TEXT_MAX:
                return "INVALID_STRING"
            form = FORMS.get(known["type"])
            if value and form and re.fullmatch(form, value) is None:
                return f"INVALID_{known['type'].upper()}"
            if value and known["type"] == "enumeration":
                unknown = set(value.split(";")) - {option["value"] for option in known["options"]}
                if unknown:
                    return "INVALID_OPTION"
        return ""

    def _write(self, contact_id: str, properties: dict[str, str]) -> None:
        self._keep({"id": contact_id, "properties": properties, "at": _now_ms()})
        self.writes.append((contact_id, properties))

    def _keep(self, change: Mapping[str, Any]) -> None:
        """Take a change over; what was answered has been given to the operating system, so kill -9 loses none."""
        if self._journal is not None:
            self._journal.write(msgspec.json.encode(change) + b"\n")
        self._replay(change)

    def _replay(self, change: Mapping[str, Any]) -> None:
        if "property" in change:
            self.properties[change["property"]["name"]] = change["property"]
        elif "group" in change:
            self.groups.add(change["group"])
        else:
            self.contacts.setdefault(change["id"], {}).update(change["properties"])
            self.updated_ms[change["id"]] = change["at"]
            for name in change["properties"]:
                self.properties.setdefault(name, {"name": name, "type": "string"})

    def _is_over_limit(self) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0] < now - WINDOW_S:
            self._recent.popleft()
        if self._limit and len(self._recent) >= self._limit:
            return True
        self._recent.append(now)
        return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _exactly(body: bytes, keys: set[str]) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(body)
    if read.keys() != keys:
        raise KeyError(*keys)
    return read


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _error(status: int, category: str, why: str = "") -> Answer:
    body = {"status": "error", "message": why or category, "category": category, "correlationId": "stand-in"}
    return Answer(status, body)


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    given = parser.parse_args()
    with HubSpot(given.port, given.journal, given.limit) as portal:
        print(portal.url, flush=True)  # noqa: T201 - whoever starts it wants to know where
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
