"""The CRMs that there are, by name."""

from __future__ import annotations

from collections.abc import Mapping

from service.crm import (
    hubspot,
    hubspot_fields,
    kintone,
    kintone_fields,
    pipedrive,
    salesforce,
    salesforce_fields,
    standard,
    zoho,
)
from service.crm.account import Name
from service.crm.interface import Crm, Installer

CRMS: Mapping[Name, Crm] = {
    "hubspot": hubspot,
    "salesforce": salesforce,
    "standard": standard,
    "pipedrive": pipedrive,
    "zoho": zoho,
    "kintone": kintone,
}

INSTALLERS: Mapping[Name, Installer] = {
    "hubspot": hubspot_fields,
    "salesforce": salesforce_fields,
    "kintone": kintone_fields,
}
"""Those whose fields can be made by a command."""
