"""Recording: what was answered waits in the store, and the drain brings it into the ledger."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.recording import FIELD, read_run
from service.settings import Settings
from tests.support.app import client_of, resources_in, settings_for
from tests.support.bundles import make_bundle
from tests.support.ledger import STREAM, drained, draining, rows, undrained
from tests.support.server import child, running
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

Client = TestClient[Litestar]
DOOMED = {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 11}}
"""Whom the default policy warns of: pays too little."""


def score(client: Client, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/score", json=body or DOOMED).json()
    return answer


def test_an_answer_is_in_the_ledger_as_it_was_given(client: Client, settings: Settings, valkey: Valkey) -> None:
    answer = score(client)
    drained(settings, valkey)
    [row] = rows(settings, "SELECT * FROM assessments")
    assert row["decision_id"] == answer["decision_id"]
    assert row["subject"] == resources_in(client).features.hidden("L-1001")
    assert row["features"] == {
        "contract": "Month-to-month",
        "monthly_charges": 11,
        "paperless": None,
        "seats": None,
    }
    assert row["risk"] == answer["risk"]
    assert row["value"] == answer["value"]
    assert (row["score"], row["band"]) == (answer["risk"]["score"], answer["risk"]["band"])
    assert (row["action"], row["shown"], row["held_out"], row["propensity"]) == (
        answer["action"],
        answer["action"],
        False,
        1.0,
    )
    assert row["reasons"] == [
        {name: reason[name] for name in ("feature", "value", "points")} for reason in answer["reasons"]
    ]
    assert {name: row[name] for name in ("version", "contract", "policy")} == {
        name: answer["model"][name] for name in ("version", "contract", "policy")
    }
    assert row["evidence"]["missing"] == ["paperless", "seats"]


def test_a_batch_is_recorded_whole_and_each_answer_once(client: Client, settings: Settings, valkey: Valkey) -> None:
    prospects = [{"prospect_id": f"P-{n}", "features": {"seats": n + 1}} for n in range(150)]
    results = client.post("/v1/score/batch", json={"prospects": prospects}).json()["results"]
    assert undrained(valkey) == 3
    drained(settings, valkey)
    found = rows(settings, "SELECT decision_id, features FROM assessments ORDER BY decision_id")
    assert [row["decision_id"] for row in found] == sorted(each["decision_id"] for each in results)
    assert sorted(row["features"]["seats"] for row in found) == list(range(1, 151))


def test_what_waits_in_the_store_names_nobody(client: Client, valkey: Valkey) -> None:
    score(client)
    with valkey.client() as store:
        entries: Any = store.xrange(STREAM)
        [(_, fields)] = entries
    assert b"L-1001" not in fields[FIELD]
    [kept] = read_run(fields[FIELD]).kept
    assert kept.subject == resources_in(client).features.hidden("L-1001")


def test_a_run_that_was_drained_twice_is_kept_once(client: Client, settings: Settings, valkey: Valkey) -> None:
    score(client)
    with valkey.client() as store:
        entries: Any = store.xrange(STREAM)
        [(_, fields)] = entries
        store.xadd(STREAM, fields)
    drained(settings, valkey)
    assert len(rows(settings, "SELECT * FROM assessments")) == 1


def test_what_a_dead_worker_has_taken_is_drained_by_the_next(
    client: Client, settings: Settings, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.ledger.drain.LEFT_S", 0.0)
    score(client)
    with valkey.client() as store:
        store.xgroup_create(STREAM, "ledger", id="0")
        assert store.xreadgroup("ledger", "dead", {STREAM: ">"})
    drained(settings, valkey)
    assert len(rows(settings, "SELECT * FROM assessments")) == 1


def test_a_run_that_the_ledger_refuses_stays_and_holds_up_no_other(
    client: Client, settings: Settings, valkey: Valkey
) -> None:
    with valkey.client() as store:
        store.xadd(STREAM, {FIELD: b"no run"})
        score(client)
        with draining(settings):
            eventually(lambda: undrained(valkey) == 1)
        entries: Any = store.xrange(STREAM)
        assert [fields for _, fields in entries] == [{FIELD: b"no run"}]
    assert len(rows(settings, "SELECT * FROM assessments")) == 1


def test_an_assessment_of_a_bundle_that_is_gone_is_kept_without_its_features(tmp_path: Path, valkey: Valkey) -> None:
    folder = make_bundle(tmp_path / "registry")
    settings = settings_for(tmp_path / "registry", valkey.url, DATA=str(tmp_path / "data"))
    with client_of(settings) as client:
        answer = score(client)
    (folder / "manifest.json").unlink()
    drained(settings, valkey)
    [row] = rows(settings, "SELECT * FROM assessments")
    assert (row["features"], row["decision_id"]) == (None, answer["decision_id"])


def test_what_a_store_that_is_down_has_not_taken_is_recorded_once_it_is_back(
    small_registry: Path, own_valkey: Valkey, tmp_path: Path
) -> None:
    settings = settings_for(small_registry, own_valkey.url, DATA=str(tmp_path / "data"))
    with client_of(settings) as client:
        own_valkey.kill()
        answers = [score(client) for _ in range(5)]
        assert all(answer["degraded"] for answer in answers)
        own_valkey.start()
        eventually(lambda: undrained(own_valkey) == 5)
        assert "gatekeeper_assessments_unrecorded_total 0.0" in client.get("/metrics").text
    drained(settings, own_valkey)
    kept = rows(settings, "SELECT decision_id FROM assessments")
    assert {row["decision_id"] for row in kept} == {answer["decision_id"] for answer in answers}


def test_a_rep_can_decide_on_what_was_answered_while_the_store_was_down(
    small_registry: Path, own_valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.recording.RESEND_S", 60.0)
    with client_of(settings_for(small_registry, own_valkey.url, DATA=str(tmp_path / "data"))) as client:
        own_valkey.kill()
        decision = {"decision_id": score(client)["decision_id"], "choice": "declined", "user": "u-7"}
        assert client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "k"}).status_code == 503
        own_valkey.start()
        eventually(lambda: not resources_in(client).store.given_up)
        assert client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "k"}).status_code == 201


def test_what_a_store_refuses_for_too_long_is_given_up_and_counted_and_nobody_notices(
    client: Client, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.recording.HELD", 2)
    with valkey.client() as store:
        store.set(STREAM, "no stream")
        assert not any(score(client)["degraded"] for _ in range(5))
        eventually(lambda: "gatekeeper_assessments_unrecorded_total 3.0" in client.get("/metrics").text)
        store.delete(STREAM)
        eventually(lambda: undrained(valkey) == 2)


def test_how_many_runs_wait_is_a_metric(client: Client) -> None:
    for _ in range(3):
        score(client)
    eventually(lambda: "gatekeeper_assessments_undrained 3.0" in client.get("/metrics").text)


def test_a_worker_that_is_killed_has_recorded_every_answer_that_a_client_has_received(
    tmp_path: Path, small_registry: Path, own_valkey: Valkey
) -> None:
    received: list[str] = []
    env = {"GATEKEEPER_REDIS_URL": own_valkey.url, "GATEKEEPER_ID_SECRET": "a secret of the tests alone"}
    with running(tmp_path, small_registry, "dev", env=env) as service:
        over = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=service.client.base_url, headers={"Authorization": "Bearer dev"}) as client:
                while not over.is_set():
                    with contextlib.suppress(httpx.TransportError):
                        received.append(client.post("/v1/score", json=DOOMED).json()["decision_id"])

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        for died in (1, 2):
            before = len(received)
            eventually(lambda before=before: len(received) > before + 100, 30)  # type: ignore[misc]
            os.kill(eventually(lambda: child(service.process.pid, "service.worker")) or 0, signal.SIGKILL)
            eventually(lambda died=died: len(service.events("worker.died")) == died)  # type: ignore[misc]
        over.set()
        for asker in askers:
            asker.join()
        eventually(lambda: not undrained(own_valkey), 30)  # by the background process of `dev`
    settings = settings_for(small_registry, own_valkey.url, DATA=str(service.data))
    kept = {row["decision_id"] for row in rows(settings, "SELECT decision_id FROM assessments")}
    assert set(received) <= kept
