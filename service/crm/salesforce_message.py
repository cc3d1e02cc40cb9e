"""Salesforce's Outbound Message: what SOAP 1.1 says about at most 100 records, as plain values.

Entities and document types are refused: nothing that Salesforce sends has any, and what has may be made to grow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from service.errors import BadInput

NOTIFICATIONS_MAX = 100
"""Salesforce's own bound, in the WSDL of every message."""

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_AT = "/Envelope/Body/notifications"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

ACKNOWLEDGED = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
"""The only answer that Salesforce takes for an answer; to any other it sends the message again."""


class Notification(NamedTuple):
    """A record as it was when the message was sent; `at` is where it lies in the message."""

    id: str
    type: str
    record_id: str
    fields: Mapping[str, str | None]
    at: str


class Message(NamedTuple):
    """All of one message; ids have 18 characters."""

    organization: str
    notifications: Sequence[Notification]


def read_message(body: bytes) -> Message:
    """The message in `body`.

    Raises:
        BadInput: it is no Outbound Message.
    """
    message = _only(_only(_envelope(body), _SOAP, "Body", "/Envelope"), _OUTBOUND, "notifications", "/Envelope/Body")
    organization = _id_in(message, _OUTBOUND, "OrganizationId", _AT)
    found = message.findall(_OUTBOUND + "Notification")
    if not 1 <= len(found) <= NOTIFICATIONS_MAX:
        raise BadInput(f"{_AT}/Notification", f"expected 1 to {NOTIFICATIONS_MAX} of them, got {len(found)}")
    notifications = [_notification(each, f"{_AT}/Notification[{place}]") for place, each in enumerate(found, start=1)]
    return Message(organization, notifications)


def id18(text: str, at: str) -> str:
    """An id of 15 or 18 characters as the one of 18, whose last three say which letters are capitals.

    Raises:
        BadInput: at the path `at`: it is no id.
    """
    if _ID.fullmatch(text) is None:
        raise BadInput(at, "expected an id of 15 or 18 letters and digits")
    bits = [sum(text[start + place].isupper() << place for place in range(5)) for start in (0, 5, 10)]
    whole = text[:15] + "".join(_DIGITS[each] for each in bits)
    if len(text) == 18 and text != whole:
        raise BadInput(at, "expected an id whose last three characters agree with the rest")
    return whole


def _envelope(body: bytes) -> Element:
    try:
        envelope: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # ValueError: defusedxml's refusals, and encodings that expat has not
        raise BadInput("/", "expected XML without document types and entities") from None
    if envelope.tag != _SOAP + "Envelope":
        raise BadInput("/", "expected a SOAP 1.1 envelope")
    return envelope


def _only(parent: Element, space: str, name: str, at: str) -> Element:
    found = parent.findall(space + name)
    if len(found) != 1:
        raise BadInput(f"{at}/{name}", f"expected one such element, got {len(found)}")
    return found[0]


def _id_in(parent: Element, space: str, name: str, at: str) -> str:
    return id18((_only(parent, space, name, at).text or "").strip(), f"{at}/{name}")


def _notification(element: Element, at: str) -> Notification:
    record = _only(element, _OUTBOUND, "sObject", at)
    at_record = f"{at}/sObject"
    kind = record.get(_XSI + "type", "").rpartition(":")[2]
    if _NAME.fullmatch(kind) is None:
        raise BadInput(f"{at_record}/@type", "expected the name of a kind of record")
    fields = {_local(field): _value(field) for field in record if not len(field)}  # an address has parts, and is none
    record_id = id18(fields.get("Id") or "", f"{at_record}/Id")
    return Notification(_id_in(element, _OUTBOUND, "Id", at), kind, record_id, fields, at_record)


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _value(element: Element) -> str | None:
    return None if element.get(_XSI + "nil") in ("true", "1") else (element.text or "")
