"""Erasure in the ledger: cases stay countable, persons do not stay; and the access report tells what there is."""

from __future__ import annotations

import threading
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from service.settings import Settings
from tests.support.app import resources_in
from tests.support.ledger import drained, draining, rows, undrained
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

Client = TestClient[Litestar]
PERSON = {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 12.75, "seats": 3}}
FEATURES = "/v1/prospects/L-1001/features"


def live_a_little(client: Client) -> str:
    """An assessment, a decision with words, and an outcome; the decision's id."""
    decision_id: str = client.post("/v1/score", json=PERSON).json()["decision_id"]
    decision = {"decision_id": decision_id, "choice": "declined", "user": "u-7", "reason": "Mr Yamada is difficult"}
    assert client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "k"}).status_code == 201
    outcome = {"prospect_id": "L-1001", "outcome": "lost", "at": resources_in(client).now().isoformat()}
    assert client.post("/v1/outcomes", json=outcome).status_code == 201
    return decision_id


def everything(settings: Settings) -> str:
    return repr([rows(settings, f"SELECT * FROM {table}") for table in ("assessments", "decisions", "outcomes")])  # noqa: S608


def test_what_is_left_of_an_erased_person_is_a_case_without_a_face(client: Client, settings: Settings) -> None:
    live_a_little(client)
    client.post("/v1/score", json=PERSON)  # waits in the store
    subject = resources_in(client).persons.hidden("L-1001")
    assert subject in everything(settings)
    assert client.delete(FEATURES).status_code == 204
    left = everything(settings)
    assert not [word for word in (subject, "Yamada", "12.75", "Month-to-month") if word in left]
    [first, second] = rows(settings, "SELECT * FROM assessments")
    assert first["features"] is second["features"] is None
    assert (bool(first["erased"]), first["action"]) == (True, "do_not_chase")
    [decision] = rows(settings, "SELECT * FROM decisions")
    assert (decision["choice"], decision["reason"], decision["user"]) == ("declined", None, "u-7")
    [listed] = client.get("/v1/decisions").json()["decisions"]
    assert listed["outcome"] == "lost"  # the case is still told whole
    assert client.get("/v1/prospects/L-1001/history").json()["events"] == []


def test_the_sqlite_file_itself_forgets(client: Client, settings: Settings) -> None:
    if settings.database_url:
        return
    live_a_little(client)
    client.delete(FEATURES)
    for file in settings.data.glob("ledger.sqlite3*"):
        content = file.read_bytes()
        assert not [word for word in (b"Yamada", b"12.75") if word in content], file


def test_what_waited_in_the_store_when_they_were_erased_names_nobody_in_the_ledger(
    client: Client, settings: Settings, valkey: Valkey
) -> None:
    subject = resources_in(client).persons.hidden("L-1001")
    client.post("/v1/score", json=PERSON)
    with valkey.client() as store:  # as if the erasure was cut off before it came to the ledger
        store.set(f"gk:default:v:{subject}", "erased")
    drained(settings, valkey)
    [row] = rows(settings, "SELECT * FROM assessments")
    assert row["subject"] != subject
    assert row["features"] is None
    assert {reason["value"] for reason in row["reasons"]} == {None}


def test_whoever_is_erased_while_being_drained_is_found(client: Client, settings: Settings, valkey: Valkey) -> None:
    people = [f"P-{n}" for n in range(40)]
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            prospects = [{**PERSON, "prospect_id": person} for person in people]
            client.post("/v1/score/batch", json={"prospects": prospects})

    with draining(settings):
        asker = threading.Thread(target=ask)
        asker.start()
        for person in people[::2]:
            assert client.delete(f"/v1/prospects/{person}/features").status_code == 204
        over.set()
        asker.join()
        eventually(lambda: not undrained(valkey))
    hidden = {resources_in(client).persons.hidden(person): person for person in people}
    found = rows(settings, "SELECT DISTINCT subject FROM assessments WHERE NOT erased")
    assert {hidden[row["subject"]] for row in found} <= set(people[1::2])


def test_nothing_comes_back_once_they_are_erased(client: Client, settings: Settings) -> None:
    decision_id = live_a_little(client)
    client.delete(FEATURES)
    outcome = {"prospect_id": "L-1001", "outcome": "won", "at": "2026-01-05T00:00:00Z"}
    assert client.post("/v1/outcomes", json=outcome).status_code == 410
    repeated = {"decision_id": decision_id, "choice": "declined", "user": "u-7", "reason": "Mr Yamada is difficult"}
    assert client.post("/v1/decisions", json=repeated, headers={"Idempotency-Key": "k"}).status_code == 200
    assert client.post("/v1/decisions", json=repeated, headers={"Idempotency-Key": "l"}).status_code == 201
    assert "Yamada" not in everything(settings)
    assert len(rows(settings, "SELECT * FROM outcomes")) == 1


def test_the_access_report_tells_all_that_the_ledger_holds(client: Client) -> None:
    decision_id = live_a_little(client)
    records: dict[str, Any] = client.get("/v1/prospects/L-1001/export").json()["records"]
    told = {event["kind"]: event for event in records["ledger"]}
    assert set(told) == {"assessment", "decision", "outcome"}
    assert told["assessment"]["id"] == decision_id
    assert told["assessment"]["content"]["features"]["monthly_charges"] == 12.75
    assert told["decision"]["content"]["reason"] == "Mr Yamada is difficult"
