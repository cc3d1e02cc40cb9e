"""`POST /v1/score`: what is stored, what is sent, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.assess import Assessor
from models.bundle import open_bundle
from models.contract import Scalar
from models.policy import DEFAULT
from models.registry import live_version
from tests.support.app import client_of, settings_for
from tests.support.bundles import CONTRACT, MONEY, SUPPORT, make_bundle
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
RISKY: dict[str, Scalar] = {"contract": "Month-to-month", "monthly_charges": 160, "paperless": True, "seats": 90}


def post(client: Client, body: dict[str, Any], path: str = "/v1/score", **headers: str) -> dict[str, Any]:
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_answer_has_every_field_of_the_design_and_no_others(client: Client) -> None:
    answer = post(client, {"prospect_id": "L-1001", "features": RISKY})
    assert answer.keys() == {
        *("prospect_id", "decision_id", "scored_at", "risk", "value", "ltv_minus", "cause", "action", "rule", "capped"),
        *("reasons", "title", "message", "missing", "unknown", "out_of_range", "features_as_of", "degraded"),
        *("degraded_because", "not_scored_because", "model"),
    }
    assert answer["risk"].keys() == {
        *("score", "percent", "low", "high", "band", "base", "horizon", "period", "support"),
    }
    assert answer["value"].keys() == {
        *("currency", "pltv", "net_value", "net_value_low", "net_value_high", "net_negative_probability"),
        *("pltv_to_cpa", "break_even", "loss_probability", "beyond_data_share"),
    }
    assert answer["reasons"][0].keys() == {"feature", "label", "value", "points"}
    assert answer["model"].keys() == {"name", "version", "contract", "policy"}
    assert answer["scored_at"].endswith("Z")


def test_score_is_the_one_that_assess_gives_in_process(client: Client, small_registry: Path) -> None:
    model = small_registry / "book"
    assessor = Assessor(open_bundle(model / str(live_version(model))), DEFAULT)
    expected = assessor.assess(assessor.contract.encode(RISKY)[None, :])
    answer = post(client, {"prospect_id": "L-1", "features": RISKY}, "/v1/score?reasons=all")
    assert answer["risk"]["score"] == round(float(expected.risk[0]), 6)
    assert answer["value"]["pltv"] == round(float(expected.value.pltv[0]), 2)
    assert answer["risk"]["low"] == round(float(expected.risk_low[0]), 6) < answer["risk"]["score"]
    assert answer["risk"]["high"] == round(float(expected.risk_high[0]), 6) > answer["risk"]["score"]
    assert answer["risk"]["support"] == SUPPORT
    for name, digits in (("net_value_low", 2), ("net_value_high", 2), ("net_negative_probability", 6)):
        assert answer["value"][name] == round(float(getattr(expected.value, name)[0]), digits)
    points = sum(reason["points"] for reason in answer["reasons"])
    assert points == pytest.approx(100 * (answer["risk"]["score"] - answer["risk"]["base"]), abs=0.05)
    assert len(answer["reasons"]) == len(CONTRACT.features)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_without_bootstrap_the_intervals_are_null_and_a_loss_is_reviewed(
    tmp_path: Path, valkey: Valkey, lang: str
) -> None:
    make_bundle(tmp_path, spread=None)
    losing = {"prospect_id": "L", "features": {**RISKY, "monthly_charges": 15}}
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        alone = post(client, losing, f"/v1/score?lang={lang}")
        [batched] = post(client, {"prospects": [losing]}, f"/v1/score/batch?lang={lang}")["results"]
    for answer in (alone, batched):
        assert (answer["risk"]["low"], answer["risk"]["high"], answer["risk"]["support"]) == (None, None, SUPPORT)
        assert {name for name, number in answer["value"].items() if number is None} >= {
            *("net_value_low", "net_value_high", "net_negative_probability"),
        }
        assert answer["value"]["net_value"] < 0
        assert (answer["ltv_minus"], answer["action"]) == (True, "review")


def test_features_sent_override_those_stored_and_null_makes_missing(client: Client) -> None:
    client.put("/v1/prospects/L-1/features", json={"contract": "Two year", "monthly_charges": 50, "seats": 10})
    stored = post(client, {"prospect_id": "L-1"})
    assert stored["missing"] == ["paperless"]
    assert stored["features_as_of"] is not None
    merged = post(client, {"prospect_id": "L-1", "features": {"contract": "Month-to-month", "seats": None}})
    assert merged["missing"] == ["paperless", "seats"]
    assert merged["risk"]["score"] > stored["risk"]["score"]


def test_no_features_anywhere_is_answered_as_degraded_and_turns_nobody_away(client: Client) -> None:
    answer = post(client, {"prospect_id": "nobody"})
    assert (answer["degraded"], answer["degraded_because"]) == (True, "no_features")
    assert answer["missing"] == list(CONTRACT.names)
    assert answer["action"] in ("proceed", "review")
    assert answer["title"] == "Not enough information"
    assert answer["features_as_of"] is None


def test_without_evidence_even_a_harsh_policy_is_lowered_to_review(tmp_path: Path, valkey: Valkey) -> None:
    make_bundle(tmp_path)
    rule = '[[rules]]\nname = "nobody"\naction = "do_not_chase"\nall = ["risk >= 0"]\n'
    (tmp_path / "book" / "policy.toml").write_text(rule, "utf-8")
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        blind = post(client, {"prospect_id": "nobody"})
        assert (blind["action"], blind["capped"], blind["rule"]) == ("review", True, "nobody")
        seen = post(client, {"prospect_id": "somebody", "features": RISKY})
        assert (seen["action"], seen["capped"]) == ("do_not_chase", False)


def test_unknown_category_and_numbers_out_of_range_are_named(client: Client) -> None:
    answer = post(client, {"prospect_id": "L", "features": {**RISKY, "contract": "Weekly", "seats": 9000}})
    assert (answer["unknown"], answer["out_of_range"]) == (["contract"], ["seats"])


def test_money_sent_overrides_the_books(client: Client) -> None:
    usual = post(client, {"prospect_id": "L", "features": RISKY})
    given = post(client, {"prospect_id": "L", "features": RISKY, "value": {"discount": 0.9, "closing_cost": 500}})
    assert given["value"]["pltv"] < usual["value"]["pltv"]
    assert (given["ltv_minus"], given["cause"] is not None) == (True, True)


def test_a_segment_that_is_no_feature_comes_with_the_value(client: Client) -> None:
    usual = post(client, {"prospect_id": "L", "features": RISKY})["value"]
    partner = post(client, {"prospect_id": "L", "features": RISKY, "value": {"channel": "partner"}})["value"]
    assert partner["net_value"] == pytest.approx(usual["net_value"] + 150, abs=0.02)


@pytest.mark.parametrize("spelled", [" partner ", "ｐａｒｔｎｅｒ", "partner\u3000"])  # noqa: RUF001
def test_a_segment_is_the_same_however_its_text_is_spelled(client: Client, spelled: str) -> None:
    plain, other = (
        post(client, {"prospect_id": "L", "features": RISKY, "value": {"channel": channel}})["value"]
        for channel in ("partner", spelled)
    )
    assert other == plain


def test_money_that_nobody_knows_leaves_the_value_null(tmp_path: Path, valkey: Valkey) -> None:
    make_bundle(tmp_path, money=MONEY)
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        unknown = post(client, {"prospect_id": "L", "features": RISKY})
        assert {name for name, number in unknown["value"].items() if number is None} == unknown["value"].keys() - {
            "currency"
        }
        assert (unknown["ltv_minus"], unknown["cause"]) == (None, None)
        known = post(client, {"prospect_id": "L", "features": RISKY, "value": {"support_cost": 8}})
        assert known["value"]["pltv"] > 0


@pytest.mark.parametrize("amount", [-50, 1e16])
def test_a_column_of_money_is_held_to_the_bounds_of_the_term_that_reads_it(
    tmp_path: Path, valkey: Valkey, amount: float
) -> None:
    make_bundle(tmp_path, money=MONEY)
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        refused = client.post("/v1/score", json={"prospect_id": "L", "value": {"support_cost": amount}})
        assert (refused.status_code, refused.json()["path"]) == (400, "$.value.support_cost")


def test_texts_follow_the_query_and_then_the_header(client: Client) -> None:
    body = {"prospect_id": "L", "features": {**RISKY, "seats": 300}}
    english = post(client, body)
    assert english["title"] == "Mismatch detected"
    assert english["message"] == (
        f"Risk Score: High ({english['risk']['percent']}%). Based on historical churn patterns, "
        "this prospect has a low probability of long-term retention."
    )
    japanese = post(client, body, **{"Accept-Language": "fr, ja;q=0.9, en;q=0.5"})
    assert japanese["title"] == "ミスマッチ検知"
    assert japanese["message"] == (
        f"リスクスコア：高（{japanese['risk']['percent']}%）。"  # noqa: RUF001
        "過去の解約傾向から、この見込み客が長く続く可能性は低いと予測されます。"
    )
    assert {reason["label"] for reason in japanese["reasons"]} >= {"契約形態"}
    asked = post(client, body, "/v1/score?lang=en", **{"Accept-Language": "ja"})
    assert asked["title"] == english["title"]


def test_batch_answers_each_as_alone_and_one_bad_entry_fails_alone(client: Client) -> None:
    prospects: list[Any] = [{"prospect_id": f"L-{n}", "features": {**RISKY, "seats": n + 1}} for n in range(250)]
    prospects[7] = {"prospect_id": "L-7", "features": {"contrat": "One year"}}
    prospects[120] = {"prospect_id": 120}
    prospects[121] = {"prospect_id": "L-121", "value": {"discount": 3}}
    results = post(client, {"prospects": prospects}, "/v1/score/batch")["results"]
    assert len(results) == 250
    failed = {n: result for n, result in enumerate(results) if "error" in result}
    assert {n: result["error"]["path"] for n, result in failed.items()} == {
        7: "$.prospects[7].features.contrat",
        120: "$.prospects[120].prospect_id",
        121: "$.prospects[121].value.discount",
    }
    assert failed[7]["prospect_id"] == "L-7"
    alone = post(client, prospects[200])
    assert results[200]["risk"] == alone["risk"]
    for name in ("pltv", "net_value_low", "net_value_high"):
        assert np.isclose(results[200]["value"][name], alone["value"][name], atol=0.01)


def test_decisions_are_unique_and_sort_by_time(client: Client) -> None:
    decisions = [post(client, {"prospect_id": "L"})["decision_id"] for _ in range(3)]
    assert len(set(decisions)) == 3
    assert decisions[0][:8] <= decisions[1][:8] <= decisions[2][:8]


def test_sane_request_ids_are_echoed_and_others_replaced(client: Client) -> None:
    sane = client.get("/health/live", headers={"X-Request-ID": "crm-42"})
    assert sane.headers["x-request-id"] == "crm-42"
    replaced = client.get("/nowhere", headers={"X-Request-ID": "a b"})
    assert replaced.headers["x-request-id"] not in ("", "a b")
