"""`python -m service crm NAME install`: the fields that a CRM needs before assessments can be written into it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from models.errors import nearest
from service.crm.account import Account, Name
from service.crm.catalogue import INSTALLERS
from service.crm.client import api_client
from service.crm.interface import Installer, Made
from service.crm.reading import read_accounts
from service.errors import SettingsError
from service.settings import Settings


def install(name: Name, settings: Settings, *, create: bool) -> list[dict[str, Any]] | Mapping[str, Made]:
    """The fields to create, as the CRM takes them; with `create`, create them and say of each what was done.

    Raises:
        SettingsError: the CRM has no account, no fields of its own, or no interface that could be called.
        TryAgain, Rejected: it does not create one.
    """
    installer = INSTALLERS.get(name)
    if installer is None:
        hint = nearest(name, INSTALLERS) or f"; these have: {', '.join(INSTALLERS)}"
        raise SettingsError(f"{name}: has no fields to install{hint}")
    if settings.crm_dir is None:
        raise SettingsError("GATEKEEPER_CRM_DIR: unset; expected the folder with one TOML file per CRM")
    account = read_accounts(settings.crm_dir).get(name)
    if account is None:
        raise SettingsError(f"GATEKEEPER_CRM_DIR: {settings.crm_dir}: has no {name}.toml")
    if not create:
        return installer.fields_to_create(account)
    if not account.api_url:
        raise SettingsError(f"{name}.toml: account.api_url, account.token_file: needed to create fields")
    return asyncio.run(_created(installer, account))


async def _created(installer: Installer, account: Account) -> Mapping[str, Made]:
    async with api_client(account) as client:
        return await installer.create_fields(client, account)
