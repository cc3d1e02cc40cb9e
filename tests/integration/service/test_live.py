"""Swapping models: what passes its checks goes live between two requests; what does not is refused."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.bundle import Manifest
from models.contract import Contract, Feature
from models.registry import activate
from service import live
from tests.support.app import client_of, settings_for
from tests.support.bundles import CONTRACT, make_bundle
from tests.support.server import running
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

Client = TestClient[Litestar]
BODY = {"prospect_id": "L", "features": {"monthly_charges": 90}}
WIDER = Contract((*CONTRACT.features, Feature(name="industry", kind="category", categories=("x",), missing_seen=True)))


def ready(client: Client) -> dict[str, Any]:
    response = client.get("/health/ready")
    body: dict[str, Any] = response.json()
    return {**body, "status": response.status_code}


def serving(client: Client) -> str:
    version: str = client.post("/v1/score", json=BODY).json()["model"]["version"]
    return version


def point_at(registry: Path, version: str) -> None:
    (registry / "book" / "current").write_text(version + "\n", "utf-8")


def test_a_newly_activated_bundle_goes_live_and_vectors_follow_its_contract(tmp_path: Path, valkey: Valkey) -> None:
    make_bundle(tmp_path)
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        client.put("/v1/prospects/L/features", json={"monthly_charges": 120})
        before = client.post("/v1/score", json={"prospect_id": "L"}).json()
        folder = make_bundle(tmp_path, contract=WIDER, tilt=0.1)
        eventually(lambda: serving(client) == folder.name)
        after = client.post("/v1/score", json={"prospect_id": "L"}).json()
        assert after["missing"] == [*before["missing"], "industry"]
        assert after["features_as_of"] == before["features_as_of"]
        assert after["model"]["contract"] != before["model"]["contract"]
        assert ready(client)["impaired"] == []


def corrupt(folder: Path) -> None:
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:100])


def forget(folder: Path) -> None:
    (folder / "golden.jsonl").unlink()


def misname(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"seats"', '"chairs"'), "utf-8")


@pytest.mark.parametrize("damage", [corrupt, cut, forget, misname])
def test_a_damaged_bundle_is_refused_and_the_old_one_serves_until_it_is_mended(
    tmp_path: Path, valkey: Valkey, damage: Callable[[Path], None]
) -> None:
    old = make_bundle(tmp_path).name
    new = make_bundle(tmp_path, tilt=0.1, live=False)
    shutil.copytree(new, tmp_path / "sound")
    damage(new)
    with client_of(settings_for(tmp_path, valkey.url, MODEL="book")) as client:
        point_at(tmp_path, new.name)
        impaired = eventually(lambda: ready(client)["impaired"])
        assert [part["part"] for part in impaired] == ["model"]
        assert (ready(client)["status"], serving(client)) == (200, old)
        shutil.rmtree(new)
        (tmp_path / "sound").rename(new)
        eventually(lambda: serving(client) == new.name)
        assert ready(client)["impaired"] == []


def test_a_bundle_that_is_consistent_but_makes_no_sense_is_refused(tmp_path: Path, valkey: Valkey) -> None:
    old = make_bundle(tmp_path).name
    broken = make_bundle(tmp_path, tilt=0.1, live=False)
    golden = b'{"features": {}, "survival": [0.5, 0.5], "points": [1, 2, 3]}\n'
    (broken / "golden.jsonl").write_bytes(golden)
    files = msgspec.json.decode((broken / "manifest.json").read_bytes(), type=Manifest).files
    new = republished(broken, files={**files, "golden.jsonl": "sha256:" + hashlib.sha256(golden).hexdigest()})
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        point_at(tmp_path, new.name)
        eventually(lambda: ready(client)["impaired"])
        assert (ready(client)["status"], serving(client)) == (200, old)
        sound = make_bundle(tmp_path, tilt=0.2)
        eventually(lambda: serving(client) == sound.name)


def republished(folder: Path, **changes: Any) -> Path:
    """The bundle with a manifest that was changed, and hashed again so that it agrees with itself."""
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    manifest = msgspec.structs.replace(manifest, **changes)
    manifest = msgspec.structs.replace(manifest, version=manifest.content_version())
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder.rename(folder.parent / manifest.version)


FEATURES = CONTRACT.features
REORDERED = Contract(
    (msgspec.structs.replace(FEATURES[0], categories=("Two year", "One year", "Month-to-month")), *FEATURES[1:])
)
"""As wide as the model's, and the same features: only an answer tells that the categories changed places."""


@pytest.mark.parametrize(
    ("contract", "betrayed_by"),
    [(WIDER, "the columns"), (Contract(FEATURES[:-1]), "the columns"), (REORDERED, "golden rows")],
)
def test_a_bundle_whose_contract_is_not_its_models_is_refused_though_every_hash_agrees(
    tmp_path: Path, valkey: Valkey, contract: Contract, betrayed_by: str
) -> None:
    old = make_bundle(tmp_path).name
    sound = make_bundle(tmp_path, tilt=0.1, live=False)
    wrong = republished(sound, contract=contract, contract_hash=contract.hash)
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        client.put("/v1/prospects/L/features", json={"contract": "One year", "monthly_charges": 90})
        before = client.post("/v1/score", json={"prospect_id": "L"}).json()
        point_at(tmp_path, wrong.name)
        [impaired] = eventually(lambda: ready(client)["impaired"])
        assert betrayed_by in impaired["why"]
        assert (ready(client)["status"], serving(client)) == (200, old)
        after = client.post("/v1/score", json={"prospect_id": "L"}).json()
        assert (after["risk"], after["model"]) == (before["risk"], before["model"])


@pytest.mark.parametrize("version", ["gone", "", "../../etc"])
def test_a_current_that_names_nothing_is_refused(tmp_path: Path, valkey: Valkey, version: str) -> None:
    old = make_bundle(tmp_path).name
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        point_at(tmp_path, version)
        assert eventually(lambda: ready(client)["impaired"])[0]["part"] == "model"
        assert serving(client) == old


@pytest.mark.parametrize(
    ("function", "stage"),
    [
        ("live_version", "registry"),
        ("live_policy", "policy"),
        ("open_bundle", "bundle {}"),
        ("Assessor", "policy with bundle {}"),
        ("_warm", "first assessments by bundle {}"),
    ],
)
def test_a_refusal_that_nobody_foresaw_names_the_stage(
    tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, function: str, stage: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    old = make_bundle(tmp_path).name
    new = make_bundle(tmp_path, tilt=0.1, live=False).name
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(live, function, fail)
            point_at(tmp_path, new)
            [impaired] = eventually(lambda: ready(client)["impaired"])
            assert impaired == {"part": "model", "why": f"{stage.format(new)}: ZeroDivisionError"}
            assert serving(client) == old
        eventually(lambda: serving(client) == new)


def test_a_new_policy_goes_live_and_a_broken_one_is_refused(tmp_path: Path, valkey: Valkey) -> None:
    make_bundle(tmp_path)
    policy = tmp_path / "book" / "policy.toml"

    def rule() -> str:
        name: str = client.post("/v1/score", json=BODY).json()["rule"]
        return name

    with client_of(settings_for(tmp_path, valkey.url)) as client:
        policy.write_text('[[rules]]\nname = "look"\naction = "review"\nall = ["monthly_charges > 50"]\n', "utf-8")
        eventually(lambda: rule() == "look")
        for broken in ('[[rules]]\nname = "x"\n', "[[", '[[rules]]\nname="x"\naction="review"\nall=["contrat == 1"]\n'):
            policy.write_text(broken, "utf-8")
            eventually(lambda: ready(client)["impaired"])
            assert rule() == "look"
        policy.unlink()
        eventually(lambda: rule() == "default-proceed")
        assert ready(client)["impaired"] == []


def test_without_a_bundle_nothing_is_ready_and_the_first_one_is_picked_up(tmp_path: Path, valkey: Valkey) -> None:
    with client_of(settings_for(tmp_path, valkey.url)) as client:
        assert ready(client)["status"] == 503
        refused = client.post("/v1/score", json=BODY)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:gatekeeper:no-model")
        assert client.get("/health/live").status_code == 200
        folder = make_bundle(tmp_path)
        eventually(lambda: ready(client)["status"] == 200)
        assert serving(client) == folder.name


def test_bundles_swap_under_load_without_a_failed_request(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    bundles = [make_bundle(registry), make_bundle(registry, contract=WIDER, tilt=0.1, live=False)]
    answers: list[tuple[int, str]] = []
    stop = threading.Event()
    with running(tmp_path, registry, "dev", "--workers", "2") as service:
        url = service.client.base_url

        def load() -> None:
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer dev"}, timeout=15) as client:
                while not stop.is_set():
                    response = client.post("/v1/score", json=BODY)
                    answers.append((response.status_code, response.json().get("model", {}).get("version", "")))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in (1, 0, 1):
                activate(bundles[turn])
                wanted = bundles[turn].name
                eventually(lambda wanted=wanted: {version for _, version in answers[-100:]} == {wanted})  # type: ignore[misc]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert {status for status, _ in answers} == {200}
        assert {version for _, version in answers} == {folder.name for folder in bundles}
