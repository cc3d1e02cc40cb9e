"""`python -m service crm NAME install`: prints what a CRM needs, and creates it when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from service.__main__ import main
from tests.support.crm.hubspot import TOKEN, HubSpot

ACCOUNT = """
[account]
secrets_file = "hubspot.secrets"
token_file = "hubspot.token"
ids = ["62515"]
public_url = "https://gatekeeper.example.com/v1/webhooks/hubspot"
api_url = "{url}"
[features]
contract = "contract_type"
[write_back]
band = "gatekeeper_band"
ltv_minus = "gatekeeper_ltv_minus"
"""


@pytest.fixture
def portal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubSpot]:
    monkeypatch.setenv("GATEKEEPER_CRM_DIR", str(tmp_path))
    with HubSpot() as portal:
        files = {
            "hubspot.secrets": "b1946ac9-0000-4000-8000-7d3f0c7d1a11",
            "hubspot.token": TOKEN,
            "hubspot.toml": ACCOUNT.format(url=portal.url),
        }
        for name, text in files.items():
            (tmp_path / name).write_text(text, "utf-8")
            (tmp_path / name).chmod(0o600)
        yield portal


def test_install_prints_what_would_be_created_and_asks_nothing(
    portal: HubSpot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crm", "hubspot", "install"]) == 0
    fields = msgspec.json.decode(capsys.readouterr().out)
    assert [(field["name"], field["type"]) for field in fields] == [
        ("gatekeeper_band", "enumeration"),
        ("gatekeeper_ltv_minus", "bool"),
    ]
    assert portal.received == []


def test_install_creates_and_may_be_repeated(portal: HubSpot, capsys: pytest.CaptureFixture[str]) -> None:
    for said in ("created", "exists"):
        assert main(["crm", "hubspot", "install", "--create"]) == 0
        assert set(msgspec.json.decode(capsys.readouterr().out).values()) == {said}
    assert "gatekeeper_band" in portal.properties


@pytest.mark.usefixtures("portal")
def test_install_says_what_stands_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crm", "hubspott", "install"]) == 2
    assert "did you mean 'hubspot'?" in capsys.readouterr().err
    (tmp_path / "hubspot.token").write_text("nobody", "utf-8")
    assert main(["crm", "hubspot", "install", "--create"]) == 2
    assert "401 INVALID_AUTHENTICATION" in capsys.readouterr().err
    (tmp_path / "hubspot.toml").unlink()
    assert main(["crm", "hubspot", "install"]) == 2
    assert "has no hubspot.toml" in capsys.readouterr().err
    monkeypatch.delenv("GATEKEEPER_CRM_DIR")
    assert main(["crm", "hubspot", "install"]) == 2
    assert "GATEKEEPER_CRM_DIR" in capsys.readouterr().err
