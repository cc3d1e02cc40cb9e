"""Decisions and outcomes: kept once, on disk before they are acknowledged, and found again."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.settings import Settings
from tests.support.app import resources_in
from tests.support.ledger import drained, rows, undrained
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
DOOMED = {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 11, "seats": 3}}
"""Whom the default policy warns of: pays too little."""

CLEAR = {"prospect_id": "L-2002", "features": {"contract": "Two year", "monthly_charges": 60, "seats": 3}}


def score(client: Client, body: dict[str, Any] = DOOMED) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/score", json=body).json()
    return answer


def decide(client: Client, decision_id: str, key: str = "k-1", **more: Any) -> Any:
    body = {"decision_id": decision_id, "choice": "declined", "user": "u-7", **more}
    return client.post("/v1/decisions", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("first", ["the drain", "the decision"])
def test_a_decision_is_kept_with_its_assessment_whichever_comes_first(
    client: Client, settings: Settings, valkey: Valkey, first: str
) -> None:
    answer = score(client)
    if first == "the drain":
        drained(settings, valkey)
    made = decide(client, answer["decision_id"], reason="too small for us")
    assert made.status_code == 201
    assert made.json()["choice"] == "declined"
    assert undrained(valkey) == 0
    [row] = rows(settings, "SELECT * FROM decisions JOIN assessments USING (decision_id)")
    assert (row["choice"], row["reason"], row["user"]) == ("declined", "too small for us", "u-7")
    assert (row["score"], row["action"]) == (answer["risk"]["score"], "do_not_chase")
    assert row["features"]["monthly_charges"] == 11


def test_the_same_decision_again_is_answered_as_before_and_kept_once(client: Client, settings: Settings) -> None:
    decision_id = score(client)["decision_id"]
    first = decide(client, decision_id)
    again = decide(client, decision_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(rows(settings, "SELECT * FROM decisions")) == 1


@pytest.mark.parametrize("other", [{"choice": "review"}, {"reason": "no"}, {"user": "u-8"}])
def test_another_decision_under_the_same_key_is_a_conflict(
    client: Client, settings: Settings, other: dict[str, str]
) -> None:
    decision_id = score(client)["decision_id"]
    decide(client, decision_id)
    refused = decide(client, decision_id, **other)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:gatekeeper:conflict")
    assert len(rows(settings, "SELECT * FROM decisions")) == 1


def test_one_of_many_who_send_the_same_at_once_makes_the_decision(client: Client, settings: Settings) -> None:
    decision_id = score(client)["decision_id"]
    statuses: list[int] = []
    senders = [
        threading.Thread(target=lambda: statuses.append(decide(client, decision_id).status_code)) for _ in range(8)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(statuses) == [200] * 7 + [201]
    assert len(rows(settings, "SELECT * FROM decisions")) == 1


def test_a_warning_is_not_overridden_without_a_reason(client: Client) -> None:
    decision_id = score(client)["decision_id"]
    for reason in (None, "", "  "):
        refused = decide(client, decision_id, choice="proceeded", reason=reason)
        assert (refused.status_code, refused.json()["path"]) == (400, "$.reason")
    assert decide(client, decision_id, choice="proceeded", reason="knows our founder").status_code == 201


def test_who_is_all_clear_is_proceeded_with_without_a_reason(client: Client) -> None:
    answer = score(client, CLEAR)
    assert answer["action"] == "proceed"
    assert decide(client, answer["decision_id"], choice="proceeded").status_code == 201


def test_a_decision_on_nothing_is_not_found(client: Client) -> None:
    refused = decide(client, "01890a5d-ac96-774b-bcce-b302099a8057")
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:gatekeeper:unknown-decision")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 256}])
def test_a_decision_without_a_key_is_refused(client: Client, headers: dict[str, str]) -> None:
    body = {"decision_id": score(client)["decision_id"], "choice": "declined", "user": "u-7"}
    refused = client.post("/v1/decisions", json=body, headers=headers)
    assert (refused.status_code, refused.json()["path"]) == (400, "Idempotency-Key")


def test_an_outcome_is_kept_once_and_another_one_beside_it(client: Client, settings: Settings) -> None:
    outcome = {"prospect_id": "L-1001", "outcome": "won", "at": "2026-01-05T00:00:00+09:00", "value": 120.5}
    assert client.post("/v1/outcomes", json=outcome).status_code == 201
    assert client.post("/v1/outcomes", json=outcome).status_code == 200
    again = client.post("/v1/outcomes", json={**outcome, "at": "2026-01-04T15:00:00Z"})
    assert (again.status_code, again.json()["at"]) == (200, "2026-01-04T15:00:00.000Z")
    assert client.post("/v1/outcomes", json={**outcome, "outcome": "churned"}).status_code == 201
    found = rows(settings, "SELECT outcome, value FROM outcomes ORDER BY id")
    assert found == [{"outcome": "won", "value": 120.5}, {"outcome": "churned", "value": 120.5}]


def test_the_history_tells_all_of_one_prospect_newest_first_a_page_at_a_time(
    client: Client, settings: Settings, valkey: Valkey
) -> None:
    client.post("/v1/outcomes", json={"prospect_id": "L-1001", "outcome": "lost", "at": "2020-01-05T00:00:00Z"})
    ids = [score(client)["decision_id"] for _ in range(3)]
    score(client, CLEAR)
    drained(settings, valkey)
    decide(client, ids[0], key="a", reason="no")
    decide(client, ids[0], key="b", choice="review")
    path = "/v1/prospects/L-1001/history"
    whole = client.get(path).json()
    assert [event["kind"] for event in whole["events"]] == [
        *("decision", "decision", "assessment", "assessment", "assessment", "outcome")
    ]
    assert [event["id"] for event in whole["events"][2:5]] == ids[::-1]
    assert whole["next"] is None
    assert whole["events"][1]["content"]["reason"] == "no"
    assert whole["events"][2]["content"]["features"]["monthly_charges"] == 11
    for limit in (1, 2, 4):
        paged, before = [], ""
        while True:
            page = client.get(f"{path}?limit={limit}{before}").json()
            assert len(page["events"]) <= limit
            paged += page["events"]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert paged == whole["events"]
    assert client.get("/v1/prospects/nobody/history").json()["events"] == []


def test_decisions_are_listed_newest_first_with_what_they_were_made_on_and_what_became_of_it(
    client: Client,
) -> None:
    answers = [score(client, {**DOOMED, "prospect_id": f"P-{n}"}) for n in range(5)]
    for n, answer in enumerate(answers):
        decide(client, answer["decision_id"], key=f"k{n}", user=f"u-{n % 2}", reason="=HYPERLINK(1)")
    client.post("/v1/outcomes", json={"prospect_id": "P-3", "outcome": "lost", "at": "2001-01-01T00:00:00Z"})
    client.post("/v1/outcomes", json={"prospect_id": "P-4", "outcome": "won", "at": now_of(client)})
    client.post("/v1/outcomes", json={"prospect_id": "P-4", "outcome": "churned", "at": now_of(client), "value": -3})
    listed = client.get("/v1/decisions").json()["decisions"]
    assert [row["decision_id"] for row in listed] == [each["decision_id"] for each in answers][::-1]
    assert (listed[0]["outcome"], listed[0]["outcome_value"]) == ("churned", -3)
    assert listed[1]["outcome"] is None  # that was before the assessment
    assert listed[0]["score"] == answers[4]["risk"]["score"]
    assert len(client.get("/v1/decisions?user=u-1").json()["decisions"]) == 2
    assert client.get("/v1/decisions?choice=review").json()["decisions"] == []
    assert client.get("/v1/decisions?until=2020-01-01T00:00:00Z").json()["decisions"] == []
    assert len(client.get("/v1/decisions?since=2020-01-01T00:00:00%2B09:00").json()["decisions"]) == 5
    first = client.get("/v1/decisions?limit=3").json()
    rest = client.get(f"/v1/decisions?limit=3&before={first['next']}").json()
    assert first["decisions"] + rest["decisions"] == listed
    assert rest["next"] is None
    text = client.get("/v1/decisions.csv?user=u-1")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(text.text)))
    assert [line["user"] for line in lines] == ["u-1", "u-1"]
    assert lines[0]["reason"] == "'=HYPERLINK(1)"
    assert float(lines[0]["net_value"]) == answers[3]["value"]["net_value"]


def now_of(client: Client) -> str:
    return resources_in(client).now().isoformat()


def test_the_summary_counts_honest_refusals_alone(client: Client) -> None:
    doomed, clear = score(client), score(client, CLEAR)
    decide(client, doomed["decision_id"], key="a", reason="too small")
    decide(client, clear["decision_id"], key="b")
    client.post("/v1/outcomes", json={"prospect_id": "L-1001", "outcome": "churned", "at": now_of(client)})
    found = client.get("/v1/decisions/summary").json()
    assert found["declines"] == {
        "counted": 1,
        "all_clear": 1,
        "by_user": [{"of": "u-7", "count": 1}],
        "by_reason": [{"of": "too small", "count": 1}],
    }
    assert found["refusals"] == {"right": 1, "wrong": 0, "open": 0}
    assert found["truncated"] is False


def test_the_summary_tells_how_many_were_warned_of_and_what_those_who_were_pursued_promise(
    client: Client, settings: Settings, valkey: Valkey
) -> None:
    answers = [score(client, {**DOOMED, "prospect_id": person}) for person in ("P-1", "P-1", "P-2")]
    promising = score(client, CLEAR)
    drained(settings, valkey)
    decide(client, answers[0]["decision_id"], key="a", choice="proceeded", reason="founder", user="u-1")
    decide(client, promising["decision_id"], key="b", choice="proceeded", user="u-2")
    found = client.get("/v1/decisions/summary").json()
    assert (found["warned"], found["currency"]) == (2, promising["value"]["currency"])
    standing = {rep["of"]: rep for rep in found["reps"]}
    assert (standing["u-1"]["overrides"], standing["u-2"]["overrides"]) == (1, 0)
    assert standing["u-2"]["pltv"] == promising["value"]["pltv"]
    assert standing["u-2"]["pltv_to_cpa"] == promising["value"]["pltv_to_cpa"]
    assert [each["decisions"] for each in found["over_time"]["stretches"]] == [2]
    assert client.get("/v1/decisions/summary?until=2020-01-01T00:00:00Z").json()["warned"] == 0
