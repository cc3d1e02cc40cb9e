"""The feature store: raw features are the truth, the vector follows them, and keys hold no person's id."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.contract import Contract, Feature, Scalar
from service import feature_scripts
from service.bars import BARS
from service.features import HEAD, FeatureStore, Stored
from service.metrics import Metrics
from service.store import Store
from tests.support.app import settings_for
from tests.support.bundles import CONTRACT
from tests.support.valkey import Valkey

Client = TestClient[Litestar]
Scenario = Callable[[FeatureStore], Awaitable[None]]
NOW = 1_790_000_000.25
PATH = "/v1/prospects/L-1001/features"

OTHER = Contract(
    (
        Feature(name="seats", kind="category", categories=("few", "many"), missing_seen=True),
        Feature(name="industry", kind="category", categories=("retail",), missing_seen=True),
        Feature(name="monthly_charges", kind="number", missing_seen=True),
    )
)
"""Another contract: `seats` changed its kind, `contract` and `paperless` are gone, `industry` is new."""


def run(valkey: Valkey, scenario: Scenario) -> str:
    """Run a scenario against a feature store of its own, and return its metrics."""
    metrics = Metrics()

    async def main() -> None:
        store = Store(settings_for(Path(), valkey.url, STORE_TIMEOUT_MS="2000", BREAKER_PROBE_MS="2000"), metrics)
        try:
            await scenario(FeatureStore(store, "default", "a secret of the tests alone", timedelta(days=400), metrics))
        finally:
            await store.close()

    asyncio.run(main())
    return metrics.render().decode()


async def vector(features: FeatureStore, prospect: str, contract: Contract = CONTRACT) -> Any:
    [stored] = await features.vectors([prospect], contract)
    return stored.x if isinstance(stored, Stored) else None


async def forget(features: FeatureStore, prospect: str) -> None:
    """What the store does when a prospect's time is over."""
    await features._redis.unlink(*features._keys(prospect))


@pytest.mark.parametrize(
    "prospect_id", ["a/b", "a//b/", "/", "%2F", "?x#y", " a ", "山田/太郎", "a+b", "...", "\ufffd"]
)
def test_every_id_that_can_be_stored_can_be_read_and_erased_by_its_url(client: Client, prospect_id: str) -> None:
    entry = {"prospect_id": prospect_id, "features": {"seats": 5}}
    [written] = client.post("/v1/features/batch", json={"prospects": [entry]}).json()["results"]
    assert written["prospect_id"] == prospect_id
    path = f"/v1/prospects/{quote(prospect_id, safe='')}/features"
    read = client.get(path).json()
    assert (read["prospect_id"], read["features"]) == (prospect_id, {"seats": 5})
    assert client.patch(path, json={"seats": 6}).status_code == 200
    assert client.post("/v1/score", json={"prospect_id": prospect_id}).json()["features_as_of"] is not None
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_put_replaces_patch_changes_delete_erases(client: Client) -> None:
    assert client.get(PATH).status_code == 404
    client.put(PATH, json={"contract": "One year", "seats": 5})
    first = client.get(PATH).json()
    assert first["features"] == {"contract": "One year", "seats": 5}
    client.patch(PATH, json={"features": {"contract": None, "paperless": True}})
    patched = client.get(PATH).json()
    assert patched["features"] == {"seats": 5, "paperless": True}
    assert patched["features_as_of"] >= first["features_as_of"]
    client.put(PATH, json={"features": {"monthly_charges": 12.5}})
    assert client.get(PATH).json()["features"] == {"monthly_charges": 12.5}
    assert client.delete(PATH).status_code == 204
    assert client.get(PATH).status_code == 404
    assert client.delete(PATH).status_code == 204


def test_patch_of_an_unknown_prospect_makes_it_known(client: Client) -> None:
    assert client.patch(PATH, json={"seats": 7}).status_code == 200
    assert client.get(PATH).json()["features"] == {"seats": 7}
    assert client.post("/v1/score", json={"prospect_id": "L-1001"}).json()["degraded"] is False


def test_batch_stores_each_and_one_bad_entry_fails_alone(client: Client) -> None:
    prospects: list[Any] = [{"prospect_id": f"B-{n}", "features": {"seats": n + 1}} for n in range(230)]
    prospects[3] = {"prospect_id": "B-3", "features": {"seats": "4"}}
    prospects[210] = {"prospect_id": "B-210"}
    results = client.post("/v1/features/batch", json={"prospects": prospects}).json()["results"]
    failed = {n: result["error"]["path"] for n, result in enumerate(results) if "error" in result}
    assert failed == {3: "$.prospects[3].features.seats", 210: "$.prospects[210]"}
    assert client.get("/v1/prospects/B-229/features").json()["features"] == {"seats": 230}
    assert client.get("/v1/prospects/B-3/features").status_code == 404


def test_no_key_and_no_value_in_the_store_holds_the_persons_id(client: Client, valkey: Valkey) -> None:
    client.put(PATH, json={"seats": 5})
    client.post("/v1/score", json={"prospect_id": "L-1001"})
    with valkey.client() as redis:
        keys: Any = redis.keys("*")
        dump = b" ".join(key + (redis.dump(key) or b"") for key in keys)
    assert len(keys) == 3
    assert b"L-1001" not in dump
    assert all(key.startswith((b"gk:default:f:", b"gk:default:v:", b"gk:default:a")) for key in keys)


def test_both_keys_expire_together_and_every_write_renews_them(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        def lives() -> list[int]:
            with valkey.client() as redis:
                keys: Any = redis.keys("*")
                return [int(redis.pttl(key)) for key in keys]

        def age() -> None:
            with valkey.client() as redis:
                keys: Any = redis.keys("*")
                for key in keys:
                    redis.pexpire(key, 60_000)

        days_400 = 400 * 86_400_000
        await features.put({"p": {"seats": 5}}, CONTRACT, NOW)
        assert all(days_400 - 10_000 < life <= days_400 for life in lives())
        age()
        await features.patch("p", {"seats": 6}, CONTRACT, NOW)
        assert all(days_400 - 10_000 < life <= days_400 for life in lives())
        age()
        await features.vectors(["p"], OTHER)  # re-encodes
        assert len(lives()) == 2
        assert all(0 < life <= 60_000 for life in lives())

    run(valkey, scenario)


def test_a_vector_is_what_the_contract_makes_of_the_raw_features(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        values: dict[str, Scalar] = {"contract": "Two year", "monthly_charges": 49.9, "paperless": False}
        await features.put({"p": values}, CONTRACT, NOW)
        [stored] = await features.vectors(["p"], CONTRACT)
        assert isinstance(stored, Stored)
        assert stored.as_of == NOW
        np.testing.assert_array_equal(stored.x, CONTRACT.encode(values))
        assert (await features.vectors(["nobody", "p"], CONTRACT))[0] is None

    run(valkey, scenario)


def test_patch_splices_the_vector_in_place(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"contract": "One year", "seats": 5}}, CONTRACT, NOW)
        await features.patch("p", {"seats": None, "monthly_charges": 30}, CONTRACT, NOW + 1)
        with valkey.client() as redis:
            [key] = redis.keys("gk:default:v:*")
            assert redis.strlen(key) == HEAD.size + 4 * len(CONTRACT.features)
        [stored] = await features.vectors(["p"], CONTRACT)
        assert isinstance(stored, Stored)
        assert stored.as_of == NOW + 1
        expected = CONTRACT.encode({"contract": "One year", "monthly_charges": 30})
        np.testing.assert_array_equal(stored.x, expected)

    metrics = run(valkey, scenario)
    assert "gatekeeper_vectors_reencoded_total 0.0" in metrics


def test_under_a_new_contract_vectors_are_made_anew_from_raw_and_what_no_longer_fits_is_missing(
    valkey: Valkey,
) -> None:
    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"seats": 5, "contract": "One year", "monthly_charges": 30}}, CONTRACT, NOW)
        expected = OTHER.encode({"monthly_charges": 30})
        np.testing.assert_array_equal(await vector(features, "p", OTHER), expected)
        await features.patch("p", {"industry": "retail"}, OTHER, NOW)
        np.testing.assert_array_equal(
            await vector(features, "p", OTHER), OTHER.encode({"monthly_charges": 30, "industry": "retail"})
        )
        raw = await features.read("p")
        assert raw is not None
        assert raw.features == {"seats": 5, "contract": "One year", "monthly_charges": 30, "industry": "retail"}
        np.testing.assert_array_equal(  # rolled back: nothing was lost
            await vector(features, "p"), CONTRACT.encode({"seats": 5, "contract": "One year", "monthly_charges": 30})
        )

    metrics = run(valkey, scenario)
    assert "gatekeeper_raw_values_refused_total 3.0" in metrics


def test_a_date_fills_all_its_columns_whichever_way_it_comes_and_whenever(valkey: Valkey) -> None:
    month = Feature(name="d.month", kind="category", categories=("4", "9"), source="d", part="month", missing_seen=True)
    age = Feature(name="d.age", kind="number", source="d", part="age", missing_seen=True)
    seats = CONTRACT.features[CONTRACT.index["seats"]]
    dated, turned = Contract((month, seats, age)), Contract((age, month, seats))

    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"d": "2001-04-01", "seats": 5}}, dated, NOW)
        np.testing.assert_array_equal(await vector(features, "p", dated), [0, 5, date(2001, 4, 1).toordinal()])
        await features.patch("p", {"d": "2025-09-30"}, dated, NOW + 86_400)
        np.testing.assert_array_equal(await vector(features, "p", dated), [1, 5, date(2025, 9, 30).toordinal()])
        np.testing.assert_array_equal(await vector(features, "p", turned), [date(2025, 9, 30).toordinal(), 1, 5])
        await features.patch("p", {"d": None}, turned, NOW + 86_400)
        np.testing.assert_array_equal(await vector(features, "p", turned), [np.nan, np.nan, 5])
        assert (await vector(features, "p"))[CONTRACT.index["seats"]] == 5

    metrics = run(valkey, scenario)
    assert "gatekeeper_vectors_reencoded_total 2.0" in metrics
    assert "gatekeeper_raw_values_refused_total 0.0" in metrics


def test_a_feature_that_looks_like_a_field_of_ours_is_a_feature(valkey: Valkey) -> None:
    odd = Contract(tuple(Feature(name=name, kind="number", missing_seen=True) for name in ("@rev", "@as_of", ":x")))

    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"@rev": 1, "@as_of": 2, ":x": 3}}, odd, NOW)
        await features.patch("p", {"@rev": 4}, odd, NOW)
        raw = await features.read("p")
        assert raw is not None
        assert (raw.features, raw.as_of) == ({"@rev": 4, "@as_of": 2, ":x": 3}, NOW)
        np.testing.assert_array_equal(await vector(features, "p", odd), np.array([4, 2, 3], np.float32))

    run(valkey, scenario)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_runs_at_once_the_vector_never_tells_something_else_than_the_raw_features(
    valkey: Valkey, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311

    async def write(features: FeatureStore, contract: Contract) -> None:
        for _ in range(60):
            value = chance.choice([None, chance.randrange(1000)])
            kind = chance.random()
            if kind < 0.1:
                await features.put({"p": {"monthly_charges": value}}, contract, NOW)
            elif kind < 0.15:
                await forget(features, "p")
            else:
                await features.patch("p", {"monthly_charges": value}, contract, NOW)

    async def read(features: FeatureStore, contract: Contract) -> None:
        for _ in range(80):
            await features.vectors(["p"], contract)

    async def scenario(features: FeatureStore) -> None:
        contracts = (CONTRACT, OTHER)
        await asyncio.gather(*(work(features, c) for work in (write, write, read, read) for c in contracts))
        raw = await features.read("p")
        for contract in contracts:
            x = await vector(features, "p", contract)
            if raw is None:
                assert x is None
                continue
            known = {name: value for name, value in raw.features.items() if name in contract.index}
            np.testing.assert_array_equal(x, contract.encode(known))

    run(valkey, scenario)


def test_a_vector_encoded_before_a_write_is_not_written_after_it(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"monthly_charges": 1}}, CONTRACT, NOW)
        before = await features.read("p")
        assert before is not None
        await forget(features, "p")
        await features.put({"p": {"monthly_charges": 2}}, CONTRACT, NOW)
        renewed = features._redis.eval(
            feature_scripts.RENEW,
            2,
            *features._keys("p"),
            before.revision,
            b"stale",
        )
        assert await renewed == 0
        assert (await vector(features, "p"))[CONTRACT.index["monthly_charges"]] == 2

    run(valkey, scenario)


def test_a_vector_encoded_before_a_refusal_is_not_written_over_it(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        await features.put({"p": {"monthly_charges": 1}}, CONTRACT, NOW)
        raw = await features.read("p")
        assert raw is not None
        for bar, barred in BARS.items():
            await features._redis.set(features._keys("p")[1], bar)
            renewed = features._redis.eval(feature_scripts.RENEW, 2, *features._keys("p"), raw.revision, b"stale")
            assert await renewed == 0
            assert await features.vectors(["nobody", "p"], CONTRACT) == [None, barred]
            assert await features.vectors(["p"], OTHER) == [barred]

    run(valkey, scenario)


def test_every_bar_is_shorter_than_the_shortest_vector() -> None:
    assert all(len(bar) < HEAD.size for bar in BARS)


def test_each_feature_has_the_time_of_the_write_that_it_is_of(valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        async def times() -> dict[bytes, float]:
            fields: Any = await features._redis.hgetall(features._keys("p")[0])
            return {name: float(at) for name, at in fields.items() if name[:1] in b"@~" and name != b"@rev"}

        await features.put({"p": {"monthly_charges": 1, "seats": 2}}, CONTRACT, NOW)
        assert await times() == {b"@put": NOW, b"@as_of": NOW}
        await features.patch("p", {"seats": 3, "contract": None}, CONTRACT, NOW + 1)
        changed = {b"~seats": NOW + 1, b"~contract": NOW + 1}
        assert await times() == {b"@put": NOW, b"@as_of": NOW + 1, **changed}
        await features.patch("p", {"seats": None}, CONTRACT, NOW + 2)
        assert await times() == {b"@put": NOW, b"@as_of": NOW + 2, **changed, b"~seats": NOW + 2}
        await features.put({"p": {"seats": 4}}, CONTRACT, NOW + 3)
        assert await times() == {b"@put": NOW + 3, b"@as_of": NOW + 3}

    run(valkey, scenario)


def test_a_caller_that_gives_up_never_leaves_its_answer_to_the_next(own_valkey: Valkey) -> None:
    async def scenario(features: FeatureStore) -> None:
        await features.put({"a": {"seats": 1}, "b": {"seats": 2}}, CONTRACT, NOW)
        for _ in range(30):
            own_valkey.freeze()
            leaving = asyncio.create_task(features.vectors(["a"], CONTRACT))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            leaving.cancel()
            own_valkey.thaw()
            await asyncio.gather(leaving, return_exceptions=True)
            assert (await vector(features, "b"))[CONTRACT.index["seats"]] == 2

    run(own_valkey, scenario)
