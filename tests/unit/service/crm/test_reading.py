"""Accounts from files: every fault at once, with file, key and remedy, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.crm.account import Account, Field
from service.crm.reading import read_accounts
from service.crm.written import WRITTEN
from service.errors import SettingsError
from tests.support.readme import ROOT, Page

SECRET = "b1946ac9-0000-4000-8000-7d3f0c7d1a11"  # noqa: S105 - of no app
STANDARD_SECRET = "whsec_" + "A" * 32

HUBSPOT = """
[account]
secrets_file = "hubspot.secrets"
token_file = "hubspot.token"
ids = [62515]
public_url = "https://gatekeeper.example.com/v1/webhooks/hubspot"
api_url = "https://api.hubapi.com"
prefix = "hs-"
language = "ja"
[options]
app_id = "54321"
[features]
monthly_charges = "monthly_fee"
contract = { field = "contract_type", values = { "月額" = "Month-to-month" } }
[write_back]
risk_percent = "gatekeeper_risk_percent"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"hubspot.secrets": f"{SECRET}\n\n  old-{SECRET}\n", "hubspot.token": "pat-na1-token\n"}.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def faults(folder: Path, text: str = "", name: str = "hubspot") -> list[str]:
    (folder / f"{name}.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_accounts(folder)
    assert SECRET not in str(caught.value)
    return str(caught.value).splitlines()


def test_an_account_is_read_as_stated(folder: Path) -> None:
    (folder / "hubspot.toml").write_text(HUBSPOT, "utf-8")
    account = read_accounts(folder)["hubspot"]
    assert account == Account(
        crm="hubspot",
        secrets=(SECRET, f"old-{SECRET}"),
        ids=frozenset({"62515"}),
        public_url="https://gatekeeper.example.com/v1/webhooks/hubspot",
        api_url="https://api.hubapi.com",
        token="pat-na1-token",  # noqa: S106
        prefix="hs-",
        language="ja",
        features={
            "monthly_charges": Field("monthly_fee"),
            "contract": Field("contract_type", {"月額": "Month-to-month"}),
        },
        write_back={"risk_percent": "gatekeeper_risk_percent"},
        options={"app_id": "54321"},
    )
    assert account.fields == ["contract_type", "monthly_fee"]


def test_an_account_in_a_log_or_a_traceback_shows_no_secret() -> None:
    assert SECRET not in repr(Account(crm="hubspot", secrets=(SECRET,)))


def test_an_empty_folder_has_no_accounts_and_a_missing_one_is_a_fault(tmp_path: Path) -> None:
    assert read_accounts(tmp_path) == {}
    with pytest.raises(SettingsError, match="GATEKEEPER_CRM_DIR"):
        read_accounts(tmp_path / "nowhere")


def test_every_fault_of_every_file_is_told_at_once_with_the_nearest_right_name(folder: Path) -> None:
    (folder / "hubsport.toml").write_text("", "utf-8")
    (folder / "standard.toml").write_text("[account\n", "utf-8")
    text = """
    [acount]
    [account]
    secrets_file = "nowhere.secrets"
    token_files = "hubspot.token"
    ids = "62515"
    public_url = "gatekeeper.example.com"
    api_url = "http://api.hubapi.com"
    language = "fr"
    [options]
    object = "person"
    ap_id = "1"
    [features]
    monthly_charges = 3
    contract = { field = "contract_type", vales = { "月額" = "Month-to-month" } }
    tenure = { field = "tenure", values = { "1" = [1] } }
    [write_back]
    risk_percents = "gatekeeper_risk"
    band = ""
    """
    found = faults(folder, text)
    expected = [
        "hubspot.toml: acount: is no table of an account; did you mean 'account'?",
        "hubspot.toml: account.token_files: is not known here; did you mean 'token_file'?",
        "hubspot.toml: account.secrets_file: nowhere.secrets: cannot be read: No such file or directory",
        "hubspot.toml: account.ids: expected a list of the CRM accounts whose events are taken",
        "hubspot.toml: account.public_url: expected the URL to which the CRM sends its webhooks",
        "hubspot.toml: account.api_url: expected https: secrets and personal data travel there",
        "hubspot.toml: account.token_file: is missing: the CRM's interface at api_url wants a token",
        "hubspot.toml: account.language: expected one of en, ja",
        "hubspot.toml: options.object: expected one of contact, company, deal, lead",
        "hubspot.toml: options.ap_id: is not known here; did you mean 'app_id'?",
        "hubspot.toml: features.monthly_charges: expected the CRM's field, or { field = ..., values = { ... } }",
        "hubspot.toml: features.contract.vales: is not known here; did you mean 'values'?",
        "hubspot.toml: features.tenure.values: expected what each of the CRM's values is called by the model",
        "hubspot.toml: write_back.risk_percents: is not known here; did you mean 'risk_percent'?",
        "hubspot.toml: write_back.band: expected the CRM's field",
        "hubsport.toml: is no CRM that we know; did you mean 'hubspot'?",
    ]
    assert sorted(found[:-1]) == sorted(expected)
    assert found[-1].startswith("standard.toml: does not read: ")


def test_what_a_crm_cannot_do_without_is_named(folder: Path) -> None:
    assert faults(folder) == [
        "hubspot.toml: account.secrets_file: is missing: expected the name of a file beside this one",
        "hubspot.toml: account.public_url: is missing: expected the URL to which the CRM sends its webhooks",
        "hubspot.toml: account.ids: is missing: expected a list of the CRM accounts whose events are taken",
        "hubspot.toml: features: is missing: expected which of the CRM's fields is which feature",
    ]
    assert faults(folder, HUBSPOT.replace("[62515]", "[]")) == [
        "hubspot.toml: account.ids: is empty: expected a list of the CRM accounts whose events are taken"
    ]


def test_nothing_is_written_where_nothing_can_be_called(folder: Path) -> None:
    text = HUBSPOT.replace('api_url = "https://api.hubapi.com"', "")
    assert faults(folder, text) == ["hubspot.toml: write_back: nothing can be written without account.api_url"]


@pytest.mark.parametrize("url", ["https://[::1", "https:///path", "https://:443"])
def test_a_url_without_a_host_is_refused(folder: Path, url: str) -> None:
    assert faults(folder, HUBSPOT.replace("https://api.hubapi.com", url)) == [
        "hubspot.toml: account.api_url: expected a URL with a host"
    ]


def test_two_things_cannot_be_written_into_one_field(folder: Path) -> None:
    assert faults(folder, HUBSPOT + 'band = "gatekeeper_risk_percent"\n') == [
        "hubspot.toml: write_back: expected a field of its own for each"
    ]


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"short\n", "secret 1: expected at least 16 characters"),
        (b"\xff\xfe", "cannot be read: expected UTF-8"),
    ],
)
def test_an_empty_or_short_secret_is_refused(folder: Path, secrets: bytes, said: str) -> None:
    (folder / "hubspot.secrets").write_bytes(secrets)
    (fault,) = faults(folder, HUBSPOT)
    assert fault.startswith("hubspot.toml: account.secrets_file: ")
    assert fault.endswith(said)


def test_a_secret_that_others_can_read_is_warned_of(folder: Path) -> None:
    (folder / "hubspot.toml").write_text(HUBSPOT, "utf-8")
    (folder / "hubspot.token").chmod(0o644)
    with capture_logs() as logs:
        read_accounts(folder)
    assert [(entry["event"], entry["file"]) for entry in logs] == [("crm_secret_readable", "hubspot.token")]


def test_a_standard_sender_calls_everything_as_we_do(folder: Path) -> None:
    (folder / "standard.secrets").write_text(STANDARD_SECRET, "utf-8")
    text = '[account]\nsecrets_file = "standard.secrets"\napi_url = "http://127.0.0.1:8080/assessed"\n'
    (folder / "standard.toml").write_text(text, "utf-8")
    account = read_accounts(folder)["standard"]
    assert account.features == {}
    assert account.write_back == {name: name for name in WRITTEN}


def test_a_token_that_nothing_wants_is_a_fault(folder: Path) -> None:
    (folder / "standard.secrets").write_text(STANDARD_SECRET, "utf-8")
    text = '[account]\nsecrets_file = "standard.secrets"\ntoken_file = "hubspot.token"\n'
    assert faults(folder, text, "standard") == [
        "standard.toml: account.token_file: is not known here: nothing wants a token"
    ]


@pytest.mark.parametrize("secret", ["whsec_short", "A" * 44, "whsec_" + "A" * 88, "whsec_" + "A" * 31])
def test_a_standard_secret_is_held_to_its_form(folder: Path, secret: str) -> None:
    (folder / "standard.secrets").write_text(secret, "utf-8")
    assert faults(folder, '[account]\nsecrets_file = "standard.secrets"\n', "standard") == [
        "standard.toml: account.secrets_file: secret 1: expected whsec_ and base64 of 24 to 64 bytes"
    ]


def test_the_examples_of_the_documentation_are_read(folder: Path) -> None:
    (folder / "standard.secrets").write_text(STANDARD_SECRET, "utf-8")
    for block in Page(ROOT / "docs" / "crm.md").blocks("toml"):
        name = block.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(block, "utf-8")
    accounts = read_accounts(folder)
    assert set(accounts) == {"hubspot", "standard"}
    assert set(accounts["hubspot"].write_back) == set(WRITTEN)
