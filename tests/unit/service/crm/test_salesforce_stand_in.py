"""The Salesforce that stands in for tests is one to a client that others wrote: simple_salesforce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce as Client
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from tests.support.crm.salesforce import TOKEN, VERSION, Salesforce

BAND = {
    "FullName": "Lead.Band__c",
    "Metadata": {
        "type": "Picklist",
        "label": "Churn risk",
        "valueSet": {
            "restricted": True,
            "valueSetDefinition": {"sorted": False, "value": [{"fullName": "high", "label": "high", "default": False}]},
        },
    },
}


class Plain(requests.Session):
    """Speaks HTTP where the client, which knows no other, asks for HTTPS."""

    def request(self, *asked: Any, **more: Any) -> requests.Response:
        method, url = asked
        return super().request(method, url.replace("https://", "http://", 1), **more)


def client_of(org: Salesforce, token: str = TOKEN, session: requests.Session | None = None) -> Any:
    return Client(instance_url=org.url, session_id=token, version=VERSION, session=session)


@pytest.fixture
def org() -> Iterator[Salesforce]:
    with Salesforce() as started:
        yield started


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with Plain() as session:
        yield session


def test_a_record_is_read_and_changed(org: Salesforce, session: requests.Session) -> None:
    lead = org.lead(1, Company="Sato")
    client = client_of(org, session=session)
    assert client.Lead.get(lead)["Company"] == "Sato"
    assert client.Lead.update(lead, {"Company": "Suzuki", "NumberOfEmployees": 3}) == 204
    assert client.Lead.get(lead)["NumberOfEmployees"] == 3


def test_a_custom_field_is_made_once_and_takes_its_own_values(org: Salesforce, session: requests.Session) -> None:
    lead = org.lead(1)
    client = client_of(org, session=session)
    assert client.toolingexecute("sobjects/CustomField", "POST", BAND)["success"]
    with pytest.raises(SalesforceMalformedRequest, match="DUPLICATE_DEVELOPER_NAME"):
        client.toolingexecute("sobjects/CustomField", "POST", BAND)
    assert client.Lead.update(lead, {"Band__c": "high"}) == 204
    with pytest.raises(SalesforceMalformedRequest):
        client.Lead.update(lead, {"Band__c": "higher"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Compny": "Sato"}, "INVALID_FIELD"),
        ({"SystemModstamp": "2026-11-21T02:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Company": "x" * 256}, "STRING_TOO_LONG"),
        ({"NumberOfEmployees": "three"}, "JSON_PARSER_ERROR"),
        ({"NumberOfEmployees": True}, "JSON_PARSER_ERROR"),
        ({"IsUnreadByOwner": "true"}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(
    org: Salesforce, session: requests.Session, changes: dict[str, Any], code: str
) -> None:
    lead = org.lead(1)
    with pytest.raises(SalesforceMalformedRequest, match=code):
        client_of(org, session=session).Lead.update(lead, changes)


def test_strangers_and_those_beyond_the_limit_are_refused(session: requests.Session) -> None:
    with Salesforce(limit=2) as org:
        lead = org.lead(1)
        with pytest.raises(SalesforceExpiredSession):
            client_of(org, "another", session).Lead.get(lead)
        client_of(org, session=session).Lead.get(lead)
        with pytest.raises(SalesforceRefusedRequest):
            client_of(org, session=session).Lead.get(lead)


def test_what_is_not_there_is_not_found(org: Salesforce, session: requests.Session) -> None:
    client = client_of(org, session=session)
    lead = org.lead(1)
    org.delete(lead)
    for absent in (lead, "00QD000000FHLhqMAH"):
        with pytest.raises(SalesforceResourceNotFound):
            client.Lead.get(absent)
