"""A company's account with a CRM, and what a CRM's module asks of one; `reading.py` reads them from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from service.settings import SECRET_BYTES, Language

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
    features: by the contract's names; empty: the CRM calls its fields as the contract does.
    write_back: field of the CRM by what is written into it, see `written.py`.
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

    def __repr__(self) -> str:
        return f"Account(crm={self.crm!r})"  # the rest holds secrets, and whoever logs an error logs its arguments

    @property
    def fields(self) -> list[str]:
        """The CRM's fields that are features, each once, sorted."""
        return sorted({field.field for field in self.features.values()})


class Form(NamedTuple):
    """How a text must look: a pattern for all of it, and the same in words."""

    pattern: str
    expected: str
    required: bool = False


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a CRM's module asks of its account.

    needs: keys of `[account]` that cannot be left out, beside the secrets.
    options: what `[options]` may hold.
    secret: how each secret looks.
    token: whether its interface wants one.
    own_names: whether its fields may be called as the contract and we call them, so that no table need say so.
    """

    needs: tuple[str, ...] = ()
    options: Mapping[str, Form] = {}
    secret: Form = Form(rf".{{{SECRET_BYTES},}}", f"at least {SECRET_BYTES} characters")
    token: bool = True
    own_names: bool = False
