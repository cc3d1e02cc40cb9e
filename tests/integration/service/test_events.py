"""Live assessments: an open card hears of its prospect within a second, whichever worker changed it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.answers import Style
from service.app import create_app
from service.keys import new_key
from service.resources import Resources
from service.routes import events
from tests.support.app import settings_for
from tests.support.server import Service, running
from tests.support.valkey import Valkey
from tests.support.waiting import eventually
from tests.support.webhooks import change, signed, write_account

PATH = "/v1/prospects/L-1001/features"
KEY, LINE = new_key("tests", ["admin"])


class Stream:
    """A card's connection, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self, name: str = "assessment") -> dict[str, Any]:
        """The data of the next event of this name."""
        for line in self._lines:
            if line == f"event: {name}":
                data: dict[str, Any] = json.loads(next(self._lines).removeprefix("data: "))
                return data
        raise AssertionError("the stream has ended")

    def until(self, as_of: str) -> dict[str, Any]:
        """The next assessment of features that were written at this time."""
        while (found := self.next())["features_as_of"] != as_of:
            pass
        return found

    def read_to_its_end(self) -> int:
        """How many lines there were still; an end that is none, or a silence, is an error."""
        return sum(1 for _ in self._lines)


@contextlib.contextmanager
def listening(service: Service, prospect: str = "L-1001", *, token: bool = True) -> Iterator[Stream]:
    body = {"prospect_id": prospect, "user": "rep-7"}
    bearer = service.client.post("/v1/tokens", json=body).json()["token"] if token else KEY
    path = f"/v1/prospects/{prospect}/events"
    with service.client.stream("GET", path, headers={"Authorization": f"Bearer {bearer}"}) as response:
        yield Stream(response)


@contextlib.contextmanager
def worker(folder: Path, registry: Path, store: Valkey, **more: str) -> Iterator[Service]:
    """A worker of its own, on a store that others share."""
    folder.mkdir()
    env = {"REDIS_URL": store.url, "ID_SECRET": "a secret of the tests alone", "API_KEYS": LINE, **more}
    given = {f"GATEKEEPER_{name}": value for name, value in env.items()}
    with running(folder, registry, "serve", env={**given, "GATEKEEPER_STORE_TIMEOUT_MS": "250"}) as service:
        service.client.headers["Authorization"] = f"Bearer {KEY}"
        yield service


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def workers(
    tmp_path_factory: pytest.TempPathFactory, small_registry: Path, store: Valkey
) -> Iterator[tuple[Service, Service]]:
    folder = tmp_path_factory.mktemp("workers")
    crm = {"CRM_DIR": str(write_account(folder / "crm", None))}
    with (
        worker(folder / "a", small_registry, store, **crm) as one,
        worker(folder / "b", small_registry, store, **crm) as other,
    ):
        yield one, other


def written(service: Service, seats: int, prospect: str = "L-1001") -> str:
    answer = service.client.patch(f"/v1/prospects/{prospect}/features", json={"seats": seats})
    assert answer.status_code == 200
    as_of: str = answer.json()["features_as_of"]
    return as_of


def test_the_latest_assessment_comes_first_as_an_answer_and_as_a_card(workers: tuple[Service, Service]) -> None:
    as_of = written(workers[0], 300)
    with listening(workers[0]) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["access-control-allow-origin"] == "*"
        first = stream.next()
        card = stream.next("card")
    assert (first["prospect_id"], first["features_as_of"]) == ("L-1001", as_of)
    assert card["decision_id"] == first["decision_id"]
    assert card["title"] == first["title"]


def test_what_one_worker_writes_the_other_tells_within_a_second_a_hundred_times_of_a_hundred(
    workers: tuple[Service, Service],
) -> None:
    writer, teller = workers
    late = 0
    with listening(teller) as stream:
        stream.next()
        for seats in range(1, 101):
            started = time.monotonic()
            found = stream.until(written(writer, seats))
            late += time.monotonic() - started > 1
            assert found["degraded"] is False
    assert late == 0


def test_what_a_crm_tells_one_worker_the_other_shows_within_a_second(workers: tuple[Service, Service]) -> None:
    teller, shower = workers
    with listening(shower, "7") as stream:
        assert stream.next()["missing"] != []
        body, headers = signed([change(7, "seats", "250", at_ms=1_790_000_000_000)])
        started = time.monotonic()
        answer = teller.client.post(
            "/v1/webhooks/hubspot", content=body, headers={**headers, "Content-Type": "application/json"}
        )
        assert answer.status_code == 200
        [outcome] = answer.json()["results"]
        assert stream.until(outcome["assessment"]["features_as_of"])["risk"] == outcome["assessment"]["risk"]
        assert time.monotonic() - started < 1


def test_who_says_no_is_no_longer_scored_on_an_open_card(workers: tuple[Service, Service]) -> None:
    one, other = workers
    written(one, 5, "L-no")
    with listening(other, "L-no") as stream:
        assert stream.next()["not_scored_because"] is None
        one.client.put("/v1/prospects/L-no/consent", json={"granted": False})
        assert stream.next()["not_scored_because"] == "no_consent"


def test_every_card_of_a_prospect_hears_and_no_other_does(workers: tuple[Service, Service]) -> None:
    one, other = workers
    with contextlib.ExitStack() as stack:
        cards = [stack.enter_context(listening(*each)) for each in ((one,), (other,), (other,))]
        stranger = stack.enter_context(listening(one, "L-1002", token=False))
        for stream in (*cards, stranger):
            stream.next()
        as_of = written(one, 77)
        for stream in cards:
            assert stream.until(as_of)["prospect_id"] == "L-1001"
        as_of = written(other, 78, "L-1002")
        assert stranger.next()["features_as_of"] == as_of  # nothing of the other one came before it


def test_whatever_else_changes_a_prospect_is_told_too(workers: tuple[Service, Service]) -> None:
    one, other = workers
    with listening(other, "L-1003") as stream:
        assert stream.next()["degraded_because"] == "no_features"
        stream.until(one.client.put("/v1/prospects/L-1003/features", json={"seats": 4}).json()["features_as_of"])
        batch = {"prospects": [{"prospect_id": "L-1003", "features": {"seats": 5}}]}
        [entry] = one.client.post("/v1/features/batch", json=batch).json()["results"]
        stream.until(entry["features_as_of"])
        one.client.put("/v1/prospects/L-1003/consent", json={"granted": False})
        assert stream.next()["not_scored_because"] == "no_consent"
        one.client.put("/v1/prospects/L-1003/consent", json={"granted": True})
        assert stream.next()["not_scored_because"] is None
        one.client.delete("/v1/prospects/L-1003/features")
        assert stream.next()["not_scored_because"] == "erased"


def test_what_travels_and_where_names_nobody(workers: tuple[Service, Service], store: Valkey) -> None:
    heard: list[Any] = []
    with store.client() as client, client.pubsub() as pubsub, listening(workers[1]) as stream:
        stream.next()
        pubsub.psubscribe("*")
        eventually(lambda: pubsub.get_message(timeout=0.1))
        stream.until(written(workers[0], 9))
        heard.append(eventually(lambda: pubsub.get_message(timeout=0.1)))
        channels = client.pubsub_channels()
    assert [message["data"] for message in heard] == [b""]
    assert [bool(re.fullmatch(rb"gk:default:n:[0-9a-f]{32}", name)) for name in channels] == [True]
    assert heard[0]["channel"] in channels


def test_a_card_that_is_closed_is_not_listened_for(workers: tuple[Service, Service], store: Valkey) -> None:
    with listening(workers[0], "L-1004") as stream:
        stream.next()
    with store.client() as client:
        eventually(lambda: not client.pubsub_channels())
    eventually(lambda: "gatekeeper_live_connections 0.0" in workers[0].client.get("/metrics").text)


def test_open_cards_do_not_count_as_load(tmp_path: Path, small_registry: Path, store: Valkey) -> None:
    more = {"STANDING_REQUESTS": "4", "BURST_REQUESTS": "40", "LIVE_CONNECTIONS": "12"}
    with worker(tmp_path / "w", small_registry, store, **more) as service, contextlib.ExitStack() as stack:
        cards = [stack.enter_context(listening(service)) for _ in range(12)]
        for card in cards:
            card.next()
        for _ in range(50):
            assert service.client.post("/v1/score", json={"prospect_id": "L-1001"}).status_code == 200
        with listening(service) as refused:
            assert refused.response.status_code == 503
            assert refused.response.headers["retry-after"] == "1"


def test_a_lost_store_is_found_again_and_what_was_missed_is_told(
    tmp_path: Path, small_registry: Path, own_valkey: Valkey
) -> None:
    with worker(tmp_path / "w", small_registry, own_valkey) as service:
        written(service, 5)
        with listening(service) as stream:
            stream.next()
            own_valkey.kill()
            with listening(service) as blind:
                assert blind.next()["degraded_because"] == "store_unavailable"
                own_valkey.start()
                assert blind.next()["degraded"] is False  # without anything having changed
            answer = eventually(lambda: _done(service.client.patch(PATH, json={"seats": 6})))
            stream.until(answer["features_as_of"])


def _done(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    return body if answer.status_code == 200 else {}


def test_a_stop_ends_open_streams_at_once(tmp_path: Path, small_registry: Path, store: Valkey) -> None:
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(worker(tmp_path / "w", small_registry, store, DRAIN_S="60"))
        cards = [stack.enter_context(listening(service, token=token)) for token in (True, False)]
        for card in cards:
            card.next()
        assert service.stop() == 0
        for card in cards:
            assert card.read_to_its_end() < 10


@contextlib.asynccontextmanager
async def started(registry: Path, store: Valkey) -> AsyncIterator[Resources]:
    app = create_app(settings_for(registry, store.url))
    async with app.lifespan():
        yield app.state.resources


def test_a_stream_beats_while_nothing_happens_and_ends_with_the_right_to_read(
    small_registry: Path, store: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)

    async def scenario() -> list[bytes]:
        async with started(small_registry, store) as resources:
            until = resources.now().timestamp() + 0.3
            told = [each async for each in events.events(resources, "L-1001", Style("en"), until)]
            assert resources.now().timestamp() >= until
            return told

    first, *rest = asyncio.run(scenario())
    assert first.startswith(b"event: assessment\ndata: {")
    assert set(rest) == {events.HEARTBEAT}
