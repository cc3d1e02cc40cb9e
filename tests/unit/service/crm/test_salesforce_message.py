"""An Outbound Message is read strictly: what is none is one refusal with the place, whatever it is."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm.salesforce_message import ACKNOWLEDGED, id18, read_message
from service.errors import BadInput
from tests.support.crm import salesforce
from tests.support.crm.salesforce import ORGANIZATION, message

LEAD = "00QD000000FHLhqMAH"
NOTIFICATION = "04l0800002nrC5BAAU"


def notification(inner: str = "", *, number: str = NOTIFICATION, kind: str = "sf:Lead", record: str = LEAD) -> str:
    return salesforce.notification(inner, number=number, kind=kind, record=record)


PLAIN = message(
    notification("<sf:Company>カスタマー &amp; Co</sf:Company><sf:Rating xsi:nil='true'/><sf:City></sf:City>")
)


def refused_at(body: bytes) -> str | None:
    """Where the body is at fault, None where it reads."""
    try:
        read_message(body)
    except BadInput as refused:
        return refused.path
    return None


def test_a_message_tells_its_organization_and_the_fields_of_each_record() -> None:
    read = read_message(PLAIN)
    assert read.organization == ORGANIZATION
    (only,) = read.notifications
    assert (only.id, only.type, only.record_id) == (NOTIFICATION, "Lead", LEAD)
    assert only.fields == {"Id": LEAD, "Company": "カスタマー & Co", "Rating": None, "City": ""}


def test_a_message_holds_up_to_100_records_in_their_order() -> None:
    ids = [id18(f"00QD0000000{n:04d}", "$") for n in range(100)]
    read = read_message(message(*(notification(record=each) for each in ids)))
    assert [each.record_id for each in read.notifications] == ids


def test_a_field_of_several_parts_is_none() -> None:
    read = read_message(message(notification("<sf:Address><sf:city>Kyoto</sf:city></sf:Address>")))
    assert read.notifications[0].fields.keys() == {"Id"}


def test_ids_of_15_characters_become_those_of_18() -> None:
    assert id18(LEAD[:15], "$") == LEAD
    assert id18(NOTIFICATION[:15], "$") == NOTIFICATION
    assert id18("0014000000zzzzz", "$") == "0014000000zzzzzAAA"
    assert id18("ABCDEFGHIJKLMNO", "$") == "ABCDEFGHIJKLMNO555"


@pytest.mark.parametrize(
    "text", ["", "00QD000000FHLhq" + "AAA", "00QD000000FHLh", LEAD + "A", "../../etc/pass", "0" * 14 + "é"]
)
def test_what_is_no_id_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        id18(text, "/somewhere")
    assert refused.value.path == "/somewhere"
    assert not text or text not in str(refused.value)


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
FAULTS = {
    "nothing": (b"", "/"),
    "JSON": (b'{"a": 1}', "/"),
    "cut short": (PLAIN[:-5], "/"),
    "a document type": (b"<!DOCTYPE x>" + PLAIN.partition(b"?>")[2], "/"),
    "entities": (LAUGHS + PLAIN.partition(b"?>")[2].replace(b"Co<", b"&b;<"), "/"),
    "an outer entity": (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + PLAIN.partition(b"?>")[2], "/"),
    "an entity that nobody defined": (PLAIN.replace(b"&amp;", b"&x;"), "/"),
    "an encoding that there is not": (PLAIN.replace(b"UTF-8", b"none-such"), "/"),
    "an encoding of several bytes": (PLAIN.replace(b"UTF-8", b"shift_jis"), "/"),
    "not UTF-8": (PLAIN.replace(b"Co<", b"\xff<"), "/"),
    "deep nesting": (b"<a>" * 200_000, "/"),
    "SOAP 1.2": (PLAIN.replace(b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope"), "/"),
    "two bodies": (PLAIN.replace(b"<soapenv:Body>", b"<soapenv:Body/><soapenv:Body>"), "/Envelope/Body"),
    "another call": (PLAIN.replace(b"2005/09/outbound", b"2005/09/inbound"), "/Envelope/Body/notifications"),
    "no organization": (message(notification(), organization=""), "/Envelope/Body/notifications/OrganizationId"),
    "no record": (message(), "/Envelope/Body/notifications/Notification"),
    "101 records": (message(*[notification()] * 101), "/Envelope/Body/notifications/Notification"),
    "a second record without id": (
        message(notification(), notification(record="")),
        "/Envelope/Body/notifications/Notification[2]/sObject/Id",
    ),
    "a notification without id": (
        message(notification(number="")),
        "/Envelope/Body/notifications/Notification[1]/Id",
    ),
    "no kind": (message(notification(kind="")), "/Envelope/Body/notifications/Notification[1]/sObject/@type"),
    "a kind that is a path": (
        message(notification(kind="sf:../Lead")),
        "/Envelope/Body/notifications/Notification[1]/sObject/@type",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_message_is_refused_with_the_place(fault: str) -> None:
    body, at = FAULTS[fault]
    assert refused_at(body) == at


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.integers(0, len(PLAIN)), st.integers(0, 40), st.binary(max_size=8))
def test_a_broken_message_is_read_or_refused_and_nothing_else(start: int, length: int, put: bytes) -> None:
    at = refused_at(PLAIN[:start] + put + PLAIN[start + length :])
    assert at is None or at.startswith("/")


def test_the_acknowledgement_is_the_one_that_the_wsdl_describes() -> None:
    (body,) = fromstring(ACKNOWLEDGED, forbid_dtd=True)
    (response,) = body
    (ack,) = response
    assert body.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Body"
    assert response.tag == "{http://soap.sforce.com/2005/09/outbound}notificationsResponse"
    assert (ack.tag, ack.text) == ("{http://soap.sforce.com/2005/09/outbound}Ack", "true")
