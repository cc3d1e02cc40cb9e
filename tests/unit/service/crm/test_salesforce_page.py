"""What the page on connecting Salesforce tells a reader to write is what the service takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.crm.reading import read_accounts
from service.crm.written import WRITTEN
from service.errors import SettingsError
from tests.support.readme import ROOT, Page

(BLOCK,) = Page(ROOT / "docs" / "crm-salesforce.md").blocks("toml")
SECRET, TOKEN = "a-secret_of-the-URL", "3MVG9.client:secret"


def folder_with(folder: Path, toml: str, secret: str = SECRET) -> Path:
    for ending, text in {"toml": toml, "secrets": secret, "token": TOKEN}.items():
        path = folder / f"salesforce.{ending}"
        path.write_text(text, "utf-8")
        path.chmod(0o600)
    return folder


def test_the_accounts_file_is_read_as_it_is_documented(tmp_path: Path) -> None:
    assert BLOCK.startswith("# salesforce.toml\n")
    account = read_accounts(folder_with(tmp_path, BLOCK))["salesforce"]
    assert (account.secrets, account.token) == ((SECRET,), TOKEN)
    assert account.fields == ["Contract_Type__c", "Monthly_Fee__c"]
    assert account.write_back.keys() == WRITTEN.keys()


@pytest.mark.parametrize(
    ("stated", "instead", "at"),
    [
        ('ids = ["00D000000000062EAA"]', "ids = []", "account.ids"),
        ('object = "Lead"', 'object = "../Lead"', "options.object"),
        ('api_version = "64.0"', 'api_version = "64"', "options.api_version"),
        ('oauth = "client_credentials"', 'user_id = "Sato"', "options.user_id"),
        ('oauth = "client_credentials"', 'oauth = "password"', "options.oauth"),
    ],
)
def test_a_wrong_account_is_told_at_start(tmp_path: Path, stated: str, instead: str, at: str) -> None:
    assert stated in BLOCK
    with pytest.raises(SettingsError, match=at):
        read_accounts(folder_with(tmp_path, BLOCK.replace(stated, instead)))


@pytest.mark.parametrize("secret", ["short", "a/secret/of/the/url", "a secret of the URL", "a-secret_of-the-鍵"])
def test_a_secret_that_no_url_can_hold_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match="secrets_file: secret 1") as refused:
        read_accounts(folder_with(tmp_path, BLOCK, secret))
    assert secret not in str(refused.value)
