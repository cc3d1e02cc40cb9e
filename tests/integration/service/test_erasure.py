"""Erasure reaches everything that is kept of a person, and late retries do not bring them back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.contract import Contract
from service.bars import Barred
from service.errors import Erased
from service.resources import Resources
from tests.support.app import client_of, resources_in, settings_for
from tests.support.bundles import CONTRACT
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

Client = TestClient[Litestar]
PERSON, RECORD = "taro-yamada-4711", "Lead/00Q-marked-record"
PUT_VALUE, PATCH_VALUE, ANSWER_VALUE = 48151.623, 42108.616, "marked-in-an-answer"
MARKS = [word.encode() for word in (PERSON, RECORD, str(PUT_VALUE), str(PATCH_VALUE), ANSWER_VALUE)]
OTHER_VALUE = 31415.926


@pytest.fixture
def own_client(small_registry: Path, own_valkey: Valkey) -> Iterator[Client]:
    """A service with a store of its own, whose file holds nothing of other tests."""
    with client_of(settings_for(small_registry, own_valkey.url)) as client:
        yield client


def path(prospect: str, what: str = "features") -> str:
    return f"/v1/prospects/{prospect}/{what}"


def remember(client: Client, valkey: Valkey) -> None:
    """Put everything on record that can be: what the webhooks keep is written as they write it."""
    client.put(path(PERSON), json={"monthly_charges": PUT_VALUE})
    client.patch(path(PERSON), json={"seats": PATCH_VALUE})
    client.put(path(PERSON, "consent"), json={"granted": True, "source": ANSWER_VALUE})
    keys = resources_in(client).persons.keys(PERSON)
    with valkey.client() as redis:
        for digest in ("aa", "bb"):
            redis.zadd(keys.claims, {digest: 1_790_000_000})
        redis.set("gk:default:e:aa", f'{{"prospect_id": "{PERSON}", "title": "{ANSWER_VALUE}"}}', ex=600)
        redis.set("gk:default:e:bb", "", ex=600)
        redis.hset(keys.write_back, mapping={"rev": "1", "crm": "salesforce", "record": RECORD, "prospect_id": PERSON})


def everything(valkey: Valkey) -> bytes:
    """Every key and value of the store, uncompressed."""
    with valkey.client() as redis:
        found = b""
        for key in redis.scan_iter():
            readers: dict[bytes, Any] = {
                b"string": redis.get,
                b"hash": redis.hgetall,
                b"zset": lambda key: redis.zrange(key, 0, -1),
                b"stream": redis.xrange,
                b"list": lambda key: redis.lrange(key, 0, -1),
                b"set": redis.smembers,
            }
            found += key + repr(readers[redis.type(key)](key)).encode()
        return found


def append_only_file(valkey: Valkey) -> bytes:
    return b"".join(file.read_bytes() for file in parts(valkey))


def parts(valkey: Valkey) -> list[Path]:
    """A base, what was appended since, a list of both; and while a rewrite is not yet over, those before it."""
    return sorted((valkey.folder / "appendonlydir").iterdir())


def marks_in(text: bytes) -> list[bytes]:
    return [mark for mark in MARKS if mark in text]


def test_no_trace_is_left_in_the_store_or_in_its_file_once_that_is_rewritten(
    own_client: Client, own_valkey: Valkey
) -> None:
    with own_valkey.client() as redis:
        redis.config_set("aof-use-rdb-preamble", "no")  # plain text, in which a scan finds what there is
    remember(own_client, own_valkey)
    own_client.put(path("somebody-else"), json={"monthly_charges": OTHER_VALUE})
    assert marks_in(everything(own_valkey)) == MARKS
    assert marks_in(append_only_file(own_valkey)) == MARKS

    assert own_client.delete(path(PERSON)).status_code == 204
    assert marks_in(everything(own_valkey)) == []
    rewrite(own_client, own_valkey)
    rewritten = append_only_file(own_valkey)
    assert marks_in(rewritten) == []
    assert str(OTHER_VALUE).encode() in rewritten


def rewrite(client: Client, valkey: Valkey) -> None:
    """Do what the service does every hour, and wait for the store to have done it."""
    asyncio.run(_rewrite(resources_in(client)))
    with valkey.client() as redis:
        eventually(lambda: aof(redis)["aof_rewrite_in_progress"] == aof(redis)["aof_rewrite_scheduled"] == 0)
        assert aof(redis)["aof_last_bgrewrite_status"] == "ok"
    eventually(lambda: len(parts(valkey)) == 3)


async def _rewrite(resources: Resources) -> None:
    own = Resources(resources.settings)
    await own.erasure.rewrite()
    await own.durable.close()
    await own.store.close()


def aof(redis: Any) -> dict[str, Any]:
    found: dict[str, Any] = redis.info("persistence")
    return found


def rewrites(valkey: Valkey) -> int:
    with valkey.client() as redis:
        stats: Any = redis.info("commandstats")
        return int(stats.get("cmdstat_bgrewriteaof", {"calls": 0})["calls"])


def test_the_file_is_rewritten_once_after_erasures_and_never_without(own_client: Client, own_valkey: Valkey) -> None:
    rewrite(own_client, own_valkey)
    assert rewrites(own_valkey) == 0
    for name in ("a", "b"):
        own_client.delete(path(name))
    rewrite(own_client, own_valkey)
    rewrite(own_client, own_valkey)
    assert rewrites(own_valkey) == 1


def test_a_store_that_may_not_rewrite_is_told_again_the_next_time(
    own_client: Client, own_valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_valkey.client() as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        own_client.delete(path(PERSON))
        asyncio.run(_rewrite(resources_in(own_client)))
        assert "erasure.file_not_rewritten" in capsys.readouterr().out
        redis.execute_command("ACL", "SETUSER", "default", "+bgrewriteaof")
    rewrite(own_client, own_valkey)
    assert rewrites(own_valkey) == 1


def test_who_was_erased_is_not_scored_and_nothing_is_stored_of_them(client: Client) -> None:
    client.put(path("L"), json={"seats": 3})
    client.delete(path("L"))
    answer = client.post("/v1/score", json={"prospect_id": "L", "features": {"seats": 3}}).json()
    assert (answer["action"], answer["risk"], answer["not_scored_because"]) == ("proceed", None, "erased")
    assert answer["title"] == "Not scored: data erased"
    for write in (client.put, client.patch):
        refused = write(path("L"), json={"seats": 3})
        assert (refused.status_code, refused.json()["type"]) == (410, "urn:gatekeeper:erased")
        assert "/consent" in refused.json()["detail"]
    assert client.get(path("L")).status_code == 404


def test_in_a_batch_the_erased_fail_alone(client: Client) -> None:
    client.delete(path("P-70"))
    entries = [{"prospect_id": f"P-{n}", "features": {"seats": n + 1}} for n in range(100)]
    entries[71] = {"prospect_id": "P-71", "features": {"seats": "many"}}
    results = client.post("/v1/features/batch", json={"prospects": entries}).json()["results"]
    assert [result["prospect_id"] for result in results] == [f"P-{n}" for n in range(100)]
    failed = {n: result["error"]["status"] for n, result in enumerate(results) if "error" in result}
    assert failed == {70: 410, 71: 400}
    assert client.get(path("P-99")).json()["features"] == {"seats": 100}
    assert client.get(path("P-70")).status_code == 404


def test_only_a_later_consent_lets_them_come_back(client: Client) -> None:
    client.put(path("L"), json={"seats": 3})
    client.delete(path("L"))
    early = client.put(path("L", "consent"), json={"granted": True, "at": "2026-01-01T00:00:00Z"}).json()
    assert (early["granted"], early["not_scored_because"]) == (None, "erased")
    refused = client.put(path("L", "consent"), json={"granted": False, "source": "late"}).json()
    assert (refused["granted"], refused["source"], refused["not_scored_because"]) == (None, None, "erased")
    assert client.put(path("L"), json={"seats": 3}).status_code == 410
    back = client.put(path("L", "consent"), json={"granted": True}).json()
    assert (back["granted"], back["not_scored_because"]) == (True, None)
    assert client.post("/v1/score", json={"prospect_id": "L"}).json()["degraded_because"] == "no_features"
    assert client.put(path("L"), json={"seats": 3}).status_code == 200
    assert client.post("/v1/score", json={"prospect_id": "L"}).json()["degraded"] is False


def test_erasing_twice_or_somebody_unknown_is_no_error_and_leaves_the_same(client: Client, valkey: Valkey) -> None:
    assert client.delete(path("nobody")).status_code == 204
    before = keys_of(valkey)
    assert client.delete(path("nobody")).status_code == 204
    assert keys_of(valkey) == before
    persons = resources_in(client).persons
    keys = persons.keys("nobody")
    assert before == {keys.vector, keys.consent, persons.rewrite_due}


def keys_of(valkey: Valkey) -> set[str]:
    with valkey.client() as redis:
        return {key.decode() for key in redis.scan_iter()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_written_while_a_person_is_erased_nothing_of_it_is_left(
    small_registry: Path, valkey: Valkey, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311

    async def main() -> None:
        resources = Resources(
            settings_for(small_registry, valkey.url, STORE_TIMEOUT_MS="2000", BREAKER_PROBE_MS="2000")
        )
        features, now = resources.features, datetime.now(UTC)

        async def write() -> None:
            for _ in range(chance.randrange(20, 40)):
                with contextlib.suppress(Erased):
                    await features.patch("L", {"seats": 3}, CONTRACT, now.timestamp())
                await features.put({"L": {"monthly_charges": 20}}, CONTRACT, now.timestamp())

        async def score() -> None:
            for _ in range(40):
                await features.vectors(["L"], chance.choice((CONTRACT, Contract(CONTRACT.features[1:]))))

        async def erase() -> None:
            for _ in range(chance.randrange(10)):
                await asyncio.sleep(0)
            await resources.erasure.erase("L", now)

        await asyncio.gather(write(), score(), erase(), write(), score())
        keys = resources.persons.keys("L")
        assert keys_of(valkey) == {keys.vector, keys.consent, resources.persons.rewrite_due}
        assert await features.vectors(["L"], CONTRACT) == [Barred("erased")]
        await resources.ledger.close()
        await resources.durable.close()
        await resources.store.close()

    asyncio.run(main())


def test_other_places_are_told_whom_to_erase_and_never_the_id(client: Client) -> None:
    resources = resources_in(client)
    told: list[str] = []

    async def eraser(hidden: str) -> None:
        told.append(hidden)

    resources.erasers.append(eraser)
    assert client.delete(path(PERSON)).status_code == 204
    assert told == [resources.persons.hidden(PERSON)]
    assert PERSON not in told[0]


def test_a_place_that_fails_is_told_again_by_the_next_try(client: Client) -> None:
    tries: list[str] = []

    async def eraser(hidden: str) -> None:
        tries.append(hidden)
        if len(tries) == 1:
            raise RuntimeError

    resources_in(client).erasers.append(eraser)
    assert client.delete(path("L")).status_code == 500
    assert client.post("/v1/score", json={"prospect_id": "L"}).json()["not_scored_because"] == "erased"
    assert client.delete(path("L")).status_code == 204
    assert len(tries) == 2


def test_what_is_kept_goes_by_itself_when_its_time_is_over(client: Client, valkey: Valkey) -> None:
    resources = resources_in(client)

    def days_left(key: str) -> float:
        with valkey.client() as redis:
            left: Any = redis.pttl(key)
            return float(round(left / 86_400_000, 2))

    keys = resources.persons.keys("L")
    client.put(path("L"), json={"seats": 3})
    assert (days_left(keys.features), days_left(keys.vector)) == (400, 400)
    client.put(path("L", "consent"), json={"granted": True})
    assert days_left(keys.consent) == 3650
    client.put(path("L", "consent"), json={"granted": False})
    with valkey.client() as redis:
        assert (redis.pttl(keys.consent), redis.pttl(keys.vector)) == (-1, -1)
        assert redis.get(keys.vector) == b"no_consent"
    client.delete(path("L"))
    assert (days_left(keys.vector), days_left(keys.consent)) == (3650, 3650)
    assert datetime.now(UTC).isoformat()[:10] in client.get(path("L", "consent")).json()["at"]
