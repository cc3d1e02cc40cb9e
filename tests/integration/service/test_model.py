"""`GET /v1/model` tells whoever sends features which ones there are."""

from __future__ import annotations

from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.testing import TestClient

from models.contract import Contract, Feature
from service.routes.model import LiveModel
from tests.support.app import client_of, settings_for
from tests.support.bundles import CONTRACT, MONEY, make_bundle
from tests.support.valkey import Valkey


def test_the_live_model_is_described_as_the_answers_name_it(client: TestClient[Litestar]) -> None:
    described = client.get("/v1/model").json()
    answered = client.post("/v1/score", json={"prospect_id": "L"}).json()
    assert {key: described[key] for key in ("name", "version", "contract", "policy")} == answered["model"]


def test_its_features_make_the_same_contract_again(client: TestClient[Litestar]) -> None:
    model = msgspec.json.decode(client.get("/v1/model").content, type=LiveModel)
    assert Contract(model.features).hash == model.contract == CONTRACT.hash
    assert isinstance(model.features[0], Feature)


def test_it_names_the_columns_that_value_may_hold(tmp_path: Path, valkey: Valkey) -> None:
    make_bundle(tmp_path, money=MONEY)
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        assert client.get("/v1/model").json()["value"] == ["channel", "support_cost"]


def test_it_asks_for_a_key(client: TestClient[Litestar]) -> None:
    assert client.get("/v1/model", headers={"Authorization": ""}).status_code == 401
