"""A bundle is written whole or not at all, and whatever was changed since is refused with the place that differs."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from models.bundle import Manifest, open_bundle, write_bundle
from models.errors import BundleError
from models.registry import activate, live_version, only_model
from tests.support.bundles import make_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path)


def test_a_bundle_opens_as_it_was_written(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.manifest.version == folder.name
    assert bundle.contract.hash == bundle.manifest.contract_hash


def test_a_bundle_without_bootstrap_replays_its_golden_rows(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path, spread=None)
    assert open_bundle(folder).manifest.version == folder.name
    assert b'"spread":null' in (folder / "golden.jsonl").read_bytes()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [truncate, flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "golden.jsonl"])
def test_a_harmed_file_is_refused_by_name(folder: Path, name: str, harm: Callable[[Path], None]) -> None:
    harm(folder / name)
    with pytest.raises(BundleError, match=name):
        open_bundle(folder)


def test_a_manifest_that_was_edited_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"currency": "USD"', '"currency": "JPY"'), "utf-8")
    with pytest.raises(BundleError, match="was changed"):
        open_bundle(folder)


def test_a_bundle_under_another_name_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="says version"):
        open_bundle(folder.rename(folder.with_name("0123456789ab")))


def forge(folder: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """A manifest that is consistent in itself, as a careful hand would write it."""
    manifest = change(msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest))
    manifest = msgspec.structs.replace(manifest, version=manifest.content_version())
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder.rename(folder.with_name(manifest.version))


def test_a_model_for_another_contract_is_refused_even_when_its_hash_is_right(folder: Path) -> None:
    def fewer(manifest: Manifest) -> Manifest:
        contract = msgspec.structs.replace(manifest.contract, features=manifest.contract.features[:-1])
        return msgspec.structs.replace(manifest, contract=contract, contract_hash=contract.hash)

    with pytest.raises(BundleError, match="columns"):
        open_bundle(forge(folder, fewer))


def test_a_contract_that_does_not_hash_to_what_the_model_was_exported_for_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="the model takes sha256:0"):
        open_bundle(forge(folder, lambda manifest: msgspec.structs.replace(manifest, contract_hash="sha256:0")))


def test_a_model_that_answers_otherwise_than_its_golden_rows_is_refused(folder: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other", tilt=0.05)
    shutil.copy(other / "model.onnx", folder / "model.onnx")
    hashes = open_bundle(other).manifest.files

    def with_its_hash(manifest: Manifest) -> Manifest:
        return msgspec.structs.replace(manifest, files={**manifest.files, "model.onnx": hashes["model.onnx"]})

    with pytest.raises(BundleError, match="golden rows replay with survival off by"):
        open_bundle(forge(folder, with_its_hash))


@pytest.mark.parametrize(
    ("other", "output"), [({"spread": 0.3}, "spread"), ({"spread": None}, "spread"), ({"support": 900.0}, "support")]
)
def test_a_model_with_other_evidence_than_its_golden_rows_is_refused(
    folder: Path, tmp_path: Path, other: dict[str, float | None], output: str
) -> None:
    changed = make_bundle(tmp_path / "other", **other)  # type: ignore[arg-type]
    shutil.copy(changed / "model.onnx", folder / "model.onnx")
    hashes = open_bundle(changed).manifest.files

    def with_its_hash(manifest: Manifest) -> Manifest:
        return msgspec.structs.replace(manifest, files={**manifest.files, "model.onnx": hashes["model.onnx"]})

    with pytest.raises(BundleError, match=f"golden rows replay with {output} off by"):
        open_bundle(forge(folder, with_its_hash))


@pytest.mark.parametrize("lines", [b"", b"[]", b'{"features": {}, "survival": [0.5], "points": [0.0]}\n'])
def test_golden_rows_that_do_not_fit_the_model_are_refused(folder: Path, lines: bytes) -> None:
    (folder / "golden.jsonl").write_bytes(lines)
    digest = "sha256:" + hashlib.sha256(lines).hexdigest()

    def with_its_hash(manifest: Manifest) -> Manifest:
        return msgspec.structs.replace(manifest, files={**manifest.files, "golden.jsonl": digest})

    with pytest.raises(BundleError, match=r"golden\.jsonl"):
        open_bundle(forge(folder, with_its_hash))


@pytest.mark.parametrize("age", [1, 99])
def test_another_format_is_refused_with_the_remedy(folder: Path, age: int) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "format": age}), "utf-8")
    with pytest.raises(BundleError, match="export the model again"):
        open_bundle(folder)


def test_the_same_contents_are_the_same_version_whenever_they_are_written(folder: Path) -> None:
    bundle = open_bundle(folder)
    later = msgspec.structs.replace(bundle.manifest, created_at="2030-01-01T00:00:00Z", files={})
    golden = msgspec.json.Decoder().decode_lines((folder / "golden.jsonl").read_bytes())
    model = (folder / "model.onnx").read_bytes()
    assert write_bundle(folder.parent.parent, later, model, golden) == folder
    assert open_bundle(folder).manifest.created_at == bundle.manifest.created_at


def test_a_broken_bundle_is_replaced_when_it_is_written_again(tmp_path: Path) -> None:
    truncate(make_bundle(tmp_path) / "model.onnx")
    assert open_bundle(make_bundle(tmp_path)).manifest.name == "book"


def test_a_bundle_that_does_not_pass_its_own_checks_is_never_seen(folder: Path, tmp_path: Path) -> None:
    manifest = open_bundle(folder).manifest
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "new", msgspec.structs.replace(manifest, files={}), b"no model", [])
    assert list((tmp_path / "new" / "book").iterdir()) == []


def test_activating_names_the_live_version_and_a_corrupt_one_is_not_activated(tmp_path: Path) -> None:
    first, second = make_bundle(tmp_path), make_bundle(tmp_path, tilt=0.05, live=False)
    assert live_version(tmp_path / "book") == first.name
    activate(second)
    assert live_version(tmp_path / "book") == second.name
    truncate(first / "model.onnx")
    with pytest.raises(BundleError):
        activate(first)
    assert live_version(tmp_path / "book") == second.name


def test_the_only_model_is_found_and_a_choice_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="found none"):
        only_model(tmp_path)
    make_bundle(tmp_path)
    assert only_model(tmp_path) == tmp_path / "book"
    make_bundle(tmp_path, name="second")
    with pytest.raises(BundleError, match="book, second"):
        only_model(tmp_path)
