"""The connection to the store: what opens the breaker, what does not, and what closes it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import redis
import uvloop

from service.errors import StoreUnavailable
from service.metrics import Metrics
from service.store import Store
from tests.support.app import client_of, settings_for
from tests.support.valkey import Valkey

GIVEN_UP = "gatekeeper_store_given_up 1.0"


def test_a_late_answer_does_not_close_an_open_breaker_and_the_probe_does(valkey: Valkey) -> None:
    metrics = Metrics()

    def exposed() -> bool:
        return GIVEN_UP in metrics.render().decode()

    async def broken() -> None:
        raise redis.ConnectionError

    async def main() -> None:
        store = Store(settings_for(Path(), valkey.url, BREAKER_FAILURES="1"), metrics)
        late = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(store.run(late))
        await asyncio.sleep(0)  # it is on its way
        with pytest.raises(StoreUnavailable):
            await store.run(broken())
        late.set_result("late")
        assert await waiting == "late"
        assert (store.given_up, exposed()) == (True, True)
        probe = asyncio.create_task(store.probe())
        async with asyncio.timeout(5):
            while store.given_up:  # noqa: ASYNC110 - the probe tells nobody
                await asyncio.sleep(0.01)
        assert not exposed()
        probe.cancel()
        await store.close()

    asyncio.run(main())


def test_an_event_loop_that_was_held_up_does_not_take_the_store_for_slow(valkey: Valkey) -> None:
    async def main() -> None:
        store = Store(settings_for(Path(), valkey.url, BREAKER_FAILURES="1"), Metrics())
        await store.values(["gk:warm"])
        asked = asyncio.create_task(store.values(["gk:none"]))
        await asyncio.sleep(0)  # it is on its way
        busy_until = time.monotonic() + 3 * 0.05
        while time.monotonic() < busy_until:
            pass
        assert await asked == [None]
        assert not store.given_up
        await store.close()

    uvloop.run(main())


def test_a_command_that_the_store_refuses_degrades_one_answer_and_does_not_open_the_breaker(
    small_registry: Path, valkey: Valkey
) -> None:
    with client_of(settings_for(small_registry, valkey.url)) as client, valkey.client() as beside:
        client.put("/v1/prospects/L/features", json={"seats": 3})
        [raw], [vector] = beside.keys("gk:default:f:*"), beside.keys("gk:default:v:*")
        beside.delete(raw, vector)
        beside.set(raw, "of another type")
        for _ in range(5):
            answer = client.post("/v1/score", json={"prospect_id": "L"})
            assert (answer.status_code, answer.json()["degraded_because"]) == (200, "store_unavailable")
        assert client.get("/v1/prospects/L/features").status_code == 503
        assert client.post("/v1/score", json={"prospect_id": "M"}).json()["degraded_because"] == "no_features"
        assert client.get("/health/ready").json()["impaired"] == []
        assert 'gatekeeper_store_failures_total{kind="ResponseError"} 6.0' in client.get("/metrics").text
