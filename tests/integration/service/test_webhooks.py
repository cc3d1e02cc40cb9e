"""An event's path: from a CRM's webhook to the assessment in the CRM's record, each event once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.ids import Pseudonyms
from service.settings import Settings
from service.webhooks.deadletters import command
from tests.support.app import client_of, resources_in, settings_for
from tests.support.crm.hubspot import HubSpot
from tests.support.crm.standin import Answer, Request, Reset
from tests.support.valkey import Valkey
from tests.support.waiting import eventually
from tests.support.webhooks import WRITE_BACK, change, signed, working, write_account

Client = TestClient[Litestar]
NOW_MS = 1_790_000_000_000
PATH = "/v1/webhooks/hubspot"
TOLD = {"monthly_fee": "70.5", "contract_type": "Month-to-month", "seats": "3"}
KNOWN = {"monthly_charges": 70.5, "contract": "Month-to-month", "seats": 3}
BARS = ("no_consent", "erased")
HIDDEN = Pseudonyms(b"a secret of the tests alone").of("7")


@pytest.fixture
def portal() -> Iterator[HubSpot]:
    with HubSpot() as portal:
        portal.contact(7, **TOLD, **dict.fromkeys(WRITE_BACK.values(), ""))
        yield portal


@pytest.fixture
def settings(small_registry: Path, valkey: Valkey, portal: HubSpot, tmp_path: Path) -> Settings:
    return settings_for(small_registry, valkey.url, CRM_DIR=str(write_account(tmp_path / "crm", portal.url)))


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with client_of(settings) as client:
        yield client


def post(client: Client, *changes: Any, status: int = 200) -> Any:
    body, headers = signed(changes)
    answer = client.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def everything(record: int, at_ms: int = NOW_MS) -> list[Any]:
    """All features of a contact, one change each."""
    return [change(record, name, value, at_ms=at_ms, event=n) for n, (name, value) in enumerate(TOLD.items())]


def stored(client: Client, prospect: int) -> Any:
    answer = client.get(f"/v1/prospects/{prospect}/features")
    return answer.json()["features"] if answer.status_code == 200 else None


def queued(valkey: Valkey) -> int:
    """Jobs that wait, are due later, or are being done."""
    with valkey.client() as redis:
        return int(redis.xlen("gk:default:q")) + int(redis.zcard("gk:default:q:later"))


def known(client: Client, record: int = 7) -> None:
    """Have us know the contact already, as of long ago."""
    assert client.put(f"/v1/prospects/{record}/features", json={**KNOWN, "seats": 1}).status_code == 200


def state(valkey: Valkey) -> dict[bytes, bytes | None]:
    """Everything that the store holds."""
    with valkey.client() as redis:
        keys: Any = redis.keys("*")
        return {key: redis.dump(key) for key in keys}


def test_a_thin_event_of_somebody_unknown_is_queued_and_the_worker_fetches_scores_and_writes_back(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    [outcome] = post(client, change(7, at_ms=NOW_MS))["results"]
    assert outcome == {"prospect_id": "7", "status": "queued"}
    with working(settings):
        [(record, written)] = eventually(lambda: portal.writes)
        eventually(lambda: queued(valkey) == 0)
    assert stored(client, 7) == KNOWN
    answer = client.post("/v1/score", json={"prospect_id": "7"}).json()
    assert record == "7"
    assert written["gatekeeper_risk_percent"] == str(answer["risk"]["percent"])
    assert written["gatekeeper_band"] == answer["risk"]["band"]
    assert written["gatekeeper_model_version"] == answer["model"]["version"]
    with valkey.client() as redis:
        assert not redis.keys("gk:default:w:*")
        assert not redis.keys("gk:default:l:*")


def test_one_change_of_somebody_unknown_is_queued_as_the_rest_of_the_record_is_not_known(
    client: Client, settings: Settings, portal: HubSpot
) -> None:
    [outcome] = post(client, change(7, "seats", "3", at_ms=NOW_MS))["results"]
    assert outcome["status"] == "queued"
    with working(settings):
        eventually(lambda: portal.writes)
    assert stored(client, 7) == KNOWN


def test_a_change_of_somebody_known_is_scored_at_once_and_written_back(
    client: Client, settings: Settings, portal: HubSpot
) -> None:
    known(client)
    at_ms = 2 * NOW_MS
    [outcome] = post(client, change(7, "seats", "3", at_ms=at_ms))["results"]
    score = client.post("/v1/score", json={"prospect_id": "7"}).json()
    assert outcome["status"] == "scored"
    assert outcome["assessment"]["risk"] == score["risk"]
    assert stored(client, 7) == KNOWN
    with working(settings):
        [(_, written)] = eventually(lambda: portal.writes)
    assert written["gatekeeper_risk_percent"] == str(score["risk"]["percent"])
    assert [request.method for request in portal.received] == ["PATCH"]


def test_a_repeat_gets_the_same_answer_and_has_no_second_effect(client: Client, valkey: Valkey) -> None:
    known(client)
    changes = everything(7, 2 * NOW_MS)
    body, headers = signed(changes)
    first = client.post(PATH, content=body, headers=headers)
    before = state(valkey)
    client.put("/v1/prospects/8/features", json={"seats": 1})
    again = client.post(PATH, content=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    after = state(valkey)
    assert {key: after[key] for key in before} == before
    assert queued(valkey) == len(changes)


def test_of_one_request_an_event_that_comes_twice_is_taken_once(client: Client, valkey: Valkey) -> None:
    known(client)
    one = change(7, "seats", "3", at_ms=2 * NOW_MS)
    first, second = post(client, one, one)["results"]
    assert first == second
    assert queued(valkey) == 1


def test_an_event_whose_answer_was_never_made_is_scored_and_nothing_else_is_done_again(
    client: Client, valkey: Valkey
) -> None:
    known(client)
    one = change(7, "seats", "3", at_ms=2 * NOW_MS)
    [first] = post(client, one)["results"]
    with valkey.client() as redis:
        [claim] = redis.keys("gk:default:e:*")
        redis.set(claim, "", keepttl=True)
        [again] = post(client, one)["results"]
        assert again["status"] == "scored"
        assert again["assessment"]["risk"] == first["assessment"]["risk"]
        assert redis.ttl(claim) > 6 * 86_400
    assert queued(valkey) == 1


def test_no_order_of_events_makes_an_older_value_overwrite_a_newer_one(client: Client) -> None:
    known(client)
    later = 2 * NOW_MS
    post(client, change(7, "seats", "9", at_ms=later + 5))
    [stale] = post(client, change(7, "seats", "4", at_ms=later))["results"]
    assert stale == {"prospect_id": "7", "status": "stale"}
    post(client, change(7, "monthly_fee", "99", at_ms=later + 1), change(7, "contract_type", "", at_ms=later + 2))
    post(client, change(7, "contract_type", "One year", at_ms=later + 1, event=9))
    assert stored(client, 7) == {"seats": 9, "monthly_charges": 99}


def test_a_value_that_the_contract_does_not_take_is_named_and_the_rest_is_taken(client: Client) -> None:
    known(client)
    at_ms = 2 * NOW_MS
    wrong, right = post(
        client, change(7, "seats", "many", at_ms=at_ms), change(7, "monthly_fee", "5", at_ms=at_ms, event=2)
    )["results"]
    assert wrong["refused"] == ["seats"]
    assert "refused" not in right
    assert stored(client, 7) == {**KNOWN, "seats": 1, "monthly_charges": 5}


@pytest.mark.parametrize("bar", BARS)
def test_who_must_not_be_scored_is_not_by_an_event_nor_by_a_job(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey, bar: str
) -> None:
    post(client, change(7, at_ms=NOW_MS))
    with valkey.client() as redis:
        redis.set(f"gk:default:v:{HIDDEN}", bar)
    before = state(valkey)
    [outcome] = post(client, change(7, "seats", "3", at_ms=2 * NOW_MS))["results"]
    assert outcome == {"prospect_id": "7", "status": bar}
    assert (state(valkey) == before) is (bar == "erased"), "a consent to come finds the newest features"
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
    assert portal.received == []
    with valkey.client() as redis:
        assert redis.get(f"gk:default:v:{HIDDEN}") == bar.encode()
        assert not redis.exists(f"gk:default:w:{HIDDEN}")


def test_jobs_claims_and_dead_letters_name_no_person(client: Client, valkey: Valkey) -> None:
    post(client, change(987_654_321, at_ms=NOW_MS))
    with valkey.client() as redis:
        keys: Any = redis.keys("*")
        assert b"987654321" not in b" ".join(keys)
        jobs: Any = redis.xrange("gk:default:q")
    assert b"987654321" not in repr(jobs).encode()
    assert len(jobs) == 1


def test_a_forged_request_is_refused_counted_and_does_nothing(client: Client, valkey: Valkey) -> None:
    body, headers = signed(everything(7), secret="another-secret-of-somebody-else")  # noqa: S106
    answer = client.post(PATH, content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:gatekeeper:forged"
    assert not state(valkey)
    assert 'gatekeeper_webhooks_forged_total{crm="hubspot"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("crm", ["pipedrive", "nobody", "hubspot%2F"])
def test_a_crm_without_an_account_is_not_found(client: Client, crm: str) -> None:
    assert client.post(f"/v1/webhooks/{crm}", content=b"[]").status_code == 404


def test_a_secret_in_the_url_is_in_no_metric(client: Client) -> None:
    client.post(f"{PATH}/a-secret-of-the-url", content=b"[]")
    metrics = client.get("/metrics").text
    assert "a-secret-of-the-url" not in metrics
    assert 'route="/v1/webhooks/{crm}/{secret}"' in metrics


def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    assert client.post(PATH, content=b"[" + b" " * (4 << 20) + b"]").status_code == 413


def test_without_the_store_the_crm_is_asked_to_send_again_and_then_nothing_is_missing(
    small_registry: Path, own_valkey: Valkey, portal: HubSpot, tmp_path: Path
) -> None:
    settings = settings_for(small_registry, own_valkey.url, CRM_DIR=str(write_account(tmp_path / "crm", portal.url)))
    with client_of(settings) as client:
        own_valkey.kill()
        body, headers = signed([change(7, at_ms=NOW_MS)])
        answer = client.post(PATH, content=body, headers=headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        own_valkey.start()
        assert post(client, change(7, at_ms=NOW_MS))["results"][0]["status"] == "queued"
        assert queued(own_valkey) == 1


def test_what_a_slow_store_cannot_score_now_is_left_to_the_worker(
    small_registry: Path, valkey: Valkey, portal: HubSpot, tmp_path: Path
) -> None:
    crm = str(write_account(tmp_path / "crm", portal.url))
    settings = settings_for(small_registry, valkey.url, CRM_DIR=crm, BREAKER_PROBE_MS="10000")
    with client_of(settings) as client:
        known(client)
        resources_in(client).store._breaker.trip()
        one = change(7, "seats", "3", at_ms=2 * NOW_MS)
        assert post(client, one)["results"] == [{"prospect_id": "7", "status": "queued"}]
        with working(settings):
            eventually(lambda: portal.writes)
        assert post(client, one)["results"] == [{"prospect_id": "7", "status": "queued"}]


def test_where_nothing_is_written_back_a_slow_store_has_the_crm_send_again(
    small_registry: Path, valkey: Valkey, tmp_path: Path
) -> None:
    crm = str(write_account(tmp_path / "crm", None))
    with client_of(settings_for(small_registry, valkey.url, CRM_DIR=crm, BREAKER_PROBE_MS="10000")) as client:
        known(client)
        breaker = resources_in(client).store._breaker
        breaker.trip()
        one = change(7, "seats", "3", at_ms=2 * NOW_MS)
        post(client, one, status=503)
        breaker.succeeded()
        assert post(client, one)["results"][0]["status"] == "scored"
    assert queued(valkey) == 0


def test_a_store_without_a_log_is_warned_of_and_used(client: Client, valkey: Valkey) -> None:
    with valkey.client() as redis:
        redis.config_set("appendonly", "no")
        try:
            assert post(client, change(7, at_ms=NOW_MS))["results"][0]["status"] == "queued"
        finally:
            redis.config_set("appendonly", "yes")


def test_many_changes_of_one_contact_are_written_back_once(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    known(client)
    for n in range(5):
        post(client, change(7, "seats", str(10 * n), at_ms=2 * NOW_MS + n))
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
    assert len(portal.writes) == 1
    percent = client.post("/v1/score", json={"prospect_id": "7"}).json()["risk"]["percent"]
    assert portal.contacts["7"]["gatekeeper_risk_percent"] == str(percent)


def test_of_two_workers_the_one_that_was_held_up_does_not_write_an_older_assessment_last(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go = threading.Event(), threading.Event()
    reply = portal.reply

    def held(request: Request) -> Any:
        if not arrived.is_set():
            arrived.set()
            go.wait(10)
        return reply(request)

    monkeypatch.setattr(portal, "reply", held)
    known(client)
    with working(settings), working(settings):
        post(client, change(7, "monthly_fee", "10", at_ms=2 * NOW_MS))
        assert arrived.wait(10)
        post(client, change(7, "monthly_fee", "200", at_ms=2 * NOW_MS + 1))
        with valkey.client() as redis:
            eventually(lambda: redis.zcard("gk:default:q:later"))  # the other worker has found the person taken
        go.set()
        eventually(lambda: queued(valkey) == 0 and len(portal.writes) == 2)
    percent = client.post("/v1/score", json={"prospect_id": "7"}).json()["risk"]["percent"]
    assert portal.writes[-1][1]["gatekeeper_risk_percent"] == str(percent)
    assert portal.writes[0][1]["gatekeeper_risk_percent"] != str(percent)


def test_a_crm_that_limits_us_is_left_alone_for_as_long_as_it_asks_and_then_told(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    for record in (7, 8, 9):
        portal.contact(record, **TOLD)
        known(client, record)
    portal.fail(Answer(429, {"category": "RATE_LIMITS"}, {"Retry-After": "1"}))
    with valkey.client() as redis, working(settings):
        post(client, change(7, "seats", "3", at_ms=2 * NOW_MS))
        eventually(lambda: redis.exists("gk:default:q:paused:hubspot"))
        post(client, *(change(record, "seats", "3", at_ms=2 * NOW_MS) for record in (8, 9)))
        eventually(lambda: redis.xlen("gk:default:q") == 0 and redis.zcard("gk:default:q:later") == 3)
        assert len(portal.received) == 1
        eventually(lambda: queued(valkey) == 0)
    assert sorted(record for record, _ in portal.writes) == ["7", "8", "9"]


def test_what_fails_for_now_is_tried_again(client: Client, settings: Settings, portal: HubSpot, valkey: Valkey) -> None:
    portal.fail(Reset(), Answer(502, b"bad gateway"))
    post(client, change(7, at_ms=NOW_MS))
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
    assert len(portal.writes) == 1


def test_what_fails_for_good_is_a_dead_letter_until_it_is_replayed(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    known(client)
    portal.fail(Answer(403, {"category": "MISSING_SCOPES"}))
    post(client, change(7, "seats", "3", at_ms=2 * NOW_MS))
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
        [letter] = [msgspec.json.decode(line) for line in command(settings, "list", None).lines]
        assert letter["id"] == f"{HIDDEN}:hubspot"
        assert "MISSING_SCOPES" in letter["why"]
        assert portal.writes == []
        assert command(settings, "replay", None).complete
        eventually(lambda: portal.writes)
        eventually(lambda: queued(valkey) == 0)
    assert command(settings, "list", None).lines == []
    assert not command(settings, "replay", letter["id"]).complete


def test_a_dead_letter_that_is_dropped_is_gone_and_so_is_one_of_an_erased_person(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    for record in (7, 8):
        known(client, record)
    portal.fail(Answer(403), Answer(403))
    post(client, *(change(record, "seats", "3", at_ms=2 * NOW_MS) for record in (7, 8)))
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
    with valkey.client() as redis:
        other = Pseudonyms(b"a secret of the tests alone").of("8")
        redis.delete(f"gk:default:w:{other}")
        assert len(command(settings, "list", None).lines) == 1
        assert command(settings, "drop", f"{HIDDEN}:hubspot").complete
        assert not redis.exists("gk:default:q:dead", f"gk:default:w:{HIDDEN}")


def test_a_record_that_the_crm_has_no_more_is_let_go(
    client: Client, settings: Settings, portal: HubSpot, valkey: Valkey
) -> None:
    post(client, change(404, at_ms=NOW_MS))
    with working(settings):
        eventually(lambda: queued(valkey) == 0)
        eventually(lambda: not state_of(valkey, "w:*"))
    assert portal.writes == []
    assert command(settings, "list", None).lines == []


@pytest.mark.parametrize(("wrong", "code"), [("seets = ", 1), ("seats = 3 #", 2)])
def test_an_account_that_is_wrong_stops_the_start_and_the_right_name_is_told(
    small_registry: Path, tmp_path: Path, wrong: str, code: int
) -> None:
    folder = write_account(tmp_path / "crm", None)
    text = (folder / "hubspot.toml").read_text("utf-8")
    (folder / "hubspot.toml").write_text(text.replace("seats = ", wrong), "utf-8")
    environ = {
        "GATEKEEPER_REGISTRY": str(small_registry),
        "GATEKEEPER_DATA": str(tmp_path / "data"),
        "GATEKEEPER_CRM_DIR": str(folder),
        "GATEKEEPER_PORT": "0",
    }
    command = [sys.executable, "-m", "service", "dev"]
    ended = subprocess.run(command, env=os.environ | environ, capture_output=True, timeout=60, check=False)
    assert ended.returncode == code
    assert b"seats" in ended.stderr


def state_of(valkey: Valkey, pattern: str) -> Any:
    with valkey.client() as redis:
        return redis.keys(f"gk:default:{pattern}")
