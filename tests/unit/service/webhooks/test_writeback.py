"""What is written back: the company's own fields, in its own language, and nothing of whom nobody may score."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.answers import Answer
from service.crm.account import Account
from service.crm.written import WRITTEN
from service.webhooks.writeback import by_our_names, fields_of

FEATURES = {"contract": "Month-to-month", "monthly_charges": 95.5, "paperless": True, "seats": 3}


def answered(client: TestClient[Litestar], lang: str = "en", **features: Any) -> Answer:
    body = {"prospect_id": "L-1", "features": FEATURES | features}
    answer = client.post(f"/v1/score?lang={lang}", json=body)
    assert answer.status_code == 200
    return msgspec.json.decode(answer.content, type=Answer)


def test_everything_that_can_be_written_back_is_named_as_accounts_name_it(client: TestClient[Litestar]) -> None:
    values = by_our_names(answered(client), "en")
    assert values.keys() == WRITTEN.keys()
    assert values["band"] in WRITTEN["band"].choices
    assert values["action"] in WRITTEN["action"].choices
    assert isinstance(values["risk_percent"], int)


def test_only_what_the_account_names_goes_into_its_fields(client: TestClient[Litestar]) -> None:
    answer = answered(client)
    account = Account(crm="hubspot", secrets=("s",), write_back={"band": "their_band", "pltv": "their_pltv"})
    assert answer.risk is not None
    assert answer.value is not None
    assert fields_of(account, answer) == {"their_band": answer.risk.band, "their_pltv": answer.value.pltv}


@pytest.mark.parametrize(
    ("lang", "label", "yes"), [("en", "Contract Month-to-month", "yes"), ("ja", "契約形態", "はい")]
)
def test_reasons_are_one_line_with_the_largest_first(
    client: TestClient[Litestar], lang: Any, label: str, yes: str
) -> None:
    answer = answered(client, lang)
    line = by_our_names(answer, lang)["reasons"]
    assert isinstance(line, str)
    parts = line.split(" / ")
    assert len(parts) == 3
    assert any(part.startswith(label) for part in parts)
    points = [abs(float(part.rsplit(" ", 1)[1])) for part in parts]
    assert points == sorted(points, reverse=True)
    assert any(f" {yes} " in part for part in parts) == any(isinstance(each.value, bool) for each in answer.reasons)


def test_a_missing_value_is_left_out_of_its_reason(client: TestClient[Litestar]) -> None:
    line = by_our_names(answered(client, contract=None, monthly_charges=None, paperless=None), "en")["reasons"]
    assert "None" not in str(line)


def test_of_whom_nobody_may_score_nothing_is_written(client: TestClient[Litestar]) -> None:
    client.put("/v1/prospects/L-1/consent", json={"granted": False})
    account = Account(crm="hubspot", secrets=("s",), write_back={"band": "their_band"})
    assert fields_of(account, answered(client)) == {}
