"""A company's account with a CRM: one TOML file, `<crm>.toml`, beside the files that hold its secrets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from service.settings import Language

Name = str
"""hubspot, salesforce, standard, pipedrive, zoho or kintone."""


class Field(msgspec.Struct, frozen=True):
    """Which of the CRM's fields is a feature, and what its values are called in the contract."""

    field: str
    values: Mapping[str, str | bool | float] = {}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the service knows of the account.

    secrets: what proves its requests, several while they rotate; never empty.
    ids: the accounts (portals, organizations, apps) whose events are taken.
    public_url: where the CRM sends its webhooks, as it knows it.
    api_url: base of the CRM's own interface; empty: nothing is fetched nor written back.
    token: lets us in there.
    prefix: goes before the record's id to make the prospect's.
    language: of the reasons that are written back.
    features: by the contract's names.
    write_back: field of the CRM by what is written into it, see `writeback.py`.
    options: what one CRM alone needs, read by its module.
    """

    crm: Name
    secrets: tuple[str, ...]
    ids: frozenset[str] = frozenset()
    public_url: str = ""
    api_url: str = ""
    token: str = ""
    prefix: str = ""
    language: Language = "en"
    features: Mapping[str, Field] = {}
    write_back: Mapping[str, str] = {}
    options: Mapping[str, str] = {}
