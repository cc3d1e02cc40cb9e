"""Salesforce's REST and Tooling interfaces, as far as they are called, and the Outbound Messages of its records.

As strict as the documentation says: developer.salesforce.com, "sObject Rows", "Status Codes and Error Responses",
"Tooling API: CustomField", "Understanding Outbound Messaging". Proved by `simple_salesforce` in its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import msgspec

from service.crm.salesforce_message import id18
from tests.support.crm.standin import Answer, Request, StandIn

TOKEN = "00D000000000062!stand.in"  # noqa: S105
CLIENT = {"client_id": "3MVG9.stand.in", "client_secret": "the-secret-of-the-connected-app"}
ORGANIZATION = "00D000000000062EAA"
PERSON, INTEGRATION = (id18(f"0050000000000{n}", "") for n in ("01", "02"))
"""Who types records in, and as whom the token lets in."""

VERSION = "64.0"
SYSTEM = {"Id": "id", "SystemModstamp": "datetime", "LastModifiedDate": "datetime", "LastModifiedById": "id"}
STANDARD = {
    **SYSTEM,
    "LastName": "string",
    "Company": "string",
    "NumberOfEmployees": "double",
    "IsUnreadByOwner": "boolean",
}
TEXT_MAX = 255
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)")

_TYPES = {"Number": "double", "Checkbox": "boolean", "Picklist": "picklist", "Text": "string", "DateTime": "datetime"}
_NEEDS = {
    "Number": {"precision", "scale"},
    "Checkbox": {"defaultValue"},
    "Picklist": {"valueSet"},
    "Text": {"length"},
    "LongTextArea": {"length", "visibleLines"},
    "DateTime": set(),
}


class Salesforce(StandIn):
    """An organization with leads: `leads` by id, `fields` and their types by name, `writes` as they came.

    Args:
        port: 0 takes a free one.
        limit: requests in all, beyond which they are refused; 0: any number.
    """

    def __init__(self, port: int = 0, limit: int = 0) -> None:
        super().__init__(port)
        self.leads: dict[str, dict[str, Any]] = {}
        self.fields: dict[str, str] = dict(STANDARD)
        self.choices: dict[str, set[str]] = {}
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.now = datetime(2026, 11, 21, 2, tzinfo=UTC)
        self.tokens = {TOKEN}
        self.granted = 0
        self._deleted: set[str] = set()
        self._limit = limit

    def lead(self, number: int, **fields: Any) -> str:
        """A lead as a person typed it in, and its id; fields that it needs are there from then on."""
        lead_id = id18(f"00Q0000000{number:05d}", "")
        for name in fields:
            self.fields.setdefault(name, "string")
        self._change(lead_id, fields, PERSON)
        return lead_id

    def delete(self, lead_id: str) -> None:
        """What a person does by mistake."""
        del self.leads[lead_id]
        self._deleted.add(lead_id)

    def message(self, *lead_ids: str, first: int = 1) -> bytes:
        """The Outbound Message that tells of these leads, its notifications counted from `first`."""
        notifications = (
            notification("".join(_element(*told) for told in self._told(each)), number=number, record=each)
            for number, each in enumerate(lead_ids, first)
        )
        return message(*notifications)

    def _told(self, lead_id: str) -> list[tuple[str, Any]]:
        """What a message tells of a lead: no empty field is in it."""
        return [(name, value) for name, value in self.leads[lead_id].items() if value is not None and name != "Id"]

    def answer(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/token":
            return self._grant(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self._limit and len(self.received) > self._limit:
            return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        declared = request.headers.get("content-type", "").partition(";")[0]
        if request.body and declared != "application/json":
            return _error(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type {declared} not supported")
        base = f"/services/data/v{re.escape(VERSION)}"
        routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", f"{base}/sobjects/Lead/([^/]+)", self._read),
            ("PATCH", f"{base}/sobjects/Lead/([^/]+)", self._update),
            ("POST", f"{base}/tooling/sobjects/CustomField", self._create_field),
        ]
        for method, path, handle in routes:
            match = re.fullmatch(path, request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        return _error(404, "NOT_FOUND", "The requested resource does not exist")

    def _grant(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode()))
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Answer(400, {"error": "invalid_request"})
        if form.pop("grant_type", "") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if form != CLIENT:
            return Answer(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        self.granted += 1
        token = f"{ORGANIZATION[:15]}!granted.{self.granted}"
        self.tokens.add(token)
        return Answer(200, {"access_token": token, "instance_url": self.url, "token_type": "Bearer", "issued_at": "0"})

    def _read(self, request: Request, lead_id: str) -> Answer:
        lead = self.leads.get(lead_id)
        if lead is None:
            return self._none(lead_id)
        asked = request.query["fields"].split(",") if "fields" in request.query else list(self.fields)
        if unknown := [name for name in asked if name not in self.fields]:
            return _error(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type Lead")
        attributes = {"type": "Lead", "url": f"/services/data/v{VERSION}/sobjects/Lead/{lead_id}"}
        return Answer(200, {"attributes": attributes, **{name: lead.get(name) for name in {*asked, "Id"}}})

    def _update(self, request: Request, lead_id: str) -> Answer:
        try:
            changes = msgspec.json.decode(request.body, type=dict[str, Any])
        except msgspec.DecodeError:
            return _error(400, "JSON_PARSER_ERROR", "Unexpected character")
        if lead_id not in self.leads:
            return self._none(lead_id)
        for name, value in changes.items():
            if name not in self.fields:
                return _error(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type Lead")
            if name in SYSTEM:
                return _error(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}.")
            if code := self._fault(name, value):
                return _error(400, code, f"{name}: bad value")
        self.writes.append((lead_id, changes))
        self._change(lead_id, changes, INTEGRATION)
        return Answer(204)

    def _fault(self, name: str, value: Any) -> str | None:
        kind = self.fields[name]
        if value is None:
            return "INVALID_TYPE_ON_FIELD_IN_RECORD" if kind == "boolean" else None
        if kind == "double":
            return None if isinstance(value, int | float) and not isinstance(value, bool) else "JSON_PARSER_ERROR"
        if kind == "boolean":
            return None if isinstance(value, bool) else "JSON_PARSER_ERROR"
        if not isinstance(value, str) or (kind == "datetime" and DATETIME.fullmatch(value) is None):
            return "JSON_PARSER_ERROR"
        if kind == "picklist" and value not in self.choices[name]:
            return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        return "STRING_TOO_LONG" if kind == "string" and len(value) > TEXT_MAX else None

    def _create_field(self, request: Request) -> Answer:
        try:
            made = msgspec.json.decode(request.body)
            whole, metadata = made["FullName"], made["Metadata"]
            kind = metadata["type"]
            fits = set(made) == {"FullName", "Metadata"} and _NEEDS[kind] | {"label", "type"} == set(metadata)
        except (msgspec.DecodeError, KeyError, TypeError):
            fits, whole, kind = False, "", ""
        match = re.fullmatch(r"Lead\.([A-Za-z](?:_?[A-Za-z0-9])*__c)", whole)
        if not fits or match is None or len(metadata["label"]) > 40:
            return _error(400, "FIELD_INTEGRITY_EXCEPTION", "the definition is not whole")
        name = match[1]
        if name in self.fields:
            return _error(400, "DUPLICATE_DEVELOPER_NAME", f"There is already a field named {name} on Lead.")
        self.fields[name] = _TYPES.get(kind, "textarea")
        if kind == "Picklist":
            values = metadata["valueSet"]["valueSetDefinition"]["value"]
            self.choices[name] = {each["fullName"] for each in values}
        return Answer(
            201, {"id": id18("00N000000000001", ""), "success": True, "errors": [], "warnings": [], "infos": []}
        )

    def _none(self, lead_id: str) -> Answer:
        if lead_id in self._deleted:
            return _error(404, "ENTITY_IS_DELETED", "entity is deleted")
        return _error(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")

    def _change(self, lead_id: str, fields: Mapping[str, Any], user: str) -> None:
        self.now += timedelta(seconds=1)
        at = self.now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        system = {"Id": lead_id, "SystemModstamp": at, "LastModifiedDate": at, "LastModifiedById": user}
        self.leads[lead_id] = {**self.leads.get(lead_id, {}), **fields, **system}


def notification(inner: str = "", *, number: int | str = 1, kind: str = "sf:Lead", record: str = "") -> str:
    """One record of a message; `number` stands for the id of its notification, which may be given whole."""
    told = id18(f"04l00000000{number:04d}", "") if isinstance(number, int) else number
    return (
        f"<Notification><Id>{told}</Id>"
        f'<sObject xsi:type="{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{record}</sf:Id>{inner}</sObject></Notification>"
    )


def message(*notifications: str, organization: str = ORGANIZATION) -> bytes:
    """A message as Salesforce sends it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04k000000000001AAA</ActionId>"
        '<SessionId xsi:nil="true"/>'
        "<EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/64.0/00D000000000062</EnterpriseUrl>"
        "<PartnerUrl>https://example.my.salesforce.com/services/Soap/u/64.0/00D000000000062</PartnerUrl>"
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _element(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value).replace("+0000", "Z")
    return f"<sf:{name}>{escape(text)}</sf:{name}>"


def _error(status: int, code: str, why: str) -> Answer:
    return Answer(status, [{"message": why, "errorCode": code}])
