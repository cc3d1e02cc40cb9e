"""The CRMs that there are, by name."""

from __future__ import annotations

from collections.abc import Mapping

from service.crm import hubspot, standard
from service.crm.account import Name
from service.crm.interface import Crm

CRMS: Mapping[Name, Crm] = {"hubspot": hubspot, "standard": standard}
