"""What the pages on connecting Pipedrive, Zoho CRM and kintone tell a reader to write is what the service takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.crm import zoho
from service.crm.account import Account, Field
from service.crm.interface import Delivery
from service.crm.reading import read_accounts
from service.crm.written import WRITTEN
from tests.support.readme import ROOT, Page

SECRETS = {"pipedrive": "hook:a password of 22", "zoho": "a token of 16 or more", "kintone": "a-secret-of-the-URL"}


@pytest.mark.parametrize("name", SECRETS)
def test_the_accounts_file_is_read_as_it_is_documented(tmp_path: Path, name: str) -> None:
    (block,) = Page(ROOT / "docs" / f"crm-{name}.md").blocks("toml")
    assert block.startswith(f"# {name}.toml\n")
    for ending, text in {"toml": block, "secrets": SECRETS[name], "token": "a token"}.items():
        path = tmp_path / f"{name}.{ending}"
        path.write_text(text, "utf-8")
        path.chmod(0o600)
    account = read_accounts(tmp_path)[name]
    assert (account.secrets, account.token) == ((SECRETS[name],), "a token")
    assert account.features
    assert account.write_back.keys() <= WRITTEN.keys()


def test_zohos_workflow_webhook_is_read_as_it_is_documented() -> None:
    (block,) = Page(ROOT / "docs" / "crm-zoho.md").blocks("json")
    assert len(block) <= 500
    body = block.replace("${!Leads.Id}", "55").replace("${!Leads.Modified_Time}", "2026-11-21 11:00:00").encode()
    features = {"contract": Field("Contract_Type")}
    account = Account(crm="zoho", secrets=(SECRETS["zoho"],), features=features, options={"timezone": "Asia/Tokyo"})
    sent = Delivery("POST", "/v1/webhooks/zoho", {zoho.SECRET_HEADER: SECRETS["zoho"].encode()}, body, "")
    (event,) = zoho.parse(sent, account).events
    assert (event.prospect_id, event.fields) == ("55", {"Contract_Type": "${!Leads.Contract_Type}"})
