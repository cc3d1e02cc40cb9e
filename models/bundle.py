"""A bundle: one exported model on disk, written whole or not at all, and opened only when every check passes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.contract import Contract, Scalar
from models.errors import BundleError, FeatureError
from models.money import MoneyTerms
from models.scorer import Scored, Scorer
from models.value import Period

FORMAT = 2
MODEL, MANIFEST, GOLDEN = "model.onnx", "manifest.json", "golden.jsonl"

TOLERANCES = {"survival": 1e-5, "points": 1e-2, "spread": 1e-4, "support": 0.5}
"""How far a replayed golden row may be off on another machine: shares, percentage points, log hazard, periods."""


class BookSummary(msgspec.Struct, frozen=True):
    """The customers that the model was fitted on; `fingerprint` is the hash of their features and lifetimes."""

    customers: int
    churned: int
    rejected: int
    fingerprint: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says about itself.

    version: the first 12 hex digits of the hash of everything here but `version` and `created_at`.
    horizons: risk is P(churn within horizons[0] periods). periods: T, the length of the survival curve.
    base: mean risk of the book. supported_periods: the last period that enough customers reached.
    other_exits: P(no exit for another reason than churn after period t), t = 1..T; empty where the book knows none.
    id_column: what the book calls a customer's id; None where customers are known by their row.
    """

    format: int = FORMAT
    name: str
    version: str = ""
    created_at: str = ""
    contract: Contract
    contract_hash: str
    horizons: tuple[int, ...]
    periods: int
    period: Period
    currency: str
    base: float
    supported_periods: int
    other_exits: tuple[float, ...] = ()
    money: MoneyTerms
    book: BookSummary
    id_column: str | None = None
    settings: dict[str, Any]
    files: dict[str, str] = {}

    def content_version(self) -> str:
        """The version that these contents must carry."""
        content = msgspec.structs.replace(self, version="", created_at="")
        return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:12]


class GoldenRow(msgspec.Struct, frozen=True):
    """One prospect, by the columns of the contract, whose answer was right when the bundle was written.

    The spread is None in a bundle without bootstrap.
    """

    features: dict[str, Scalar]
    survival: list[float]
    points: list[float]
    spread: float | None
    support: float


class Bundle:
    """An opened bundle: `manifest`, `scorer` and the folder it came from."""

    def __init__(self, folder: Path, manifest: Manifest, scorer: Scorer) -> None:
        self.folder = folder
        self.manifest = manifest
        self.scorer = scorer

    @property
    def contract(self) -> Contract:
        return self.manifest.contract


def write_bundle(
    registry: Path, manifest: Manifest, model: bytes, golden: list[GoldenRow], extra: Mapping[str, bytes] | None = None
) -> Path:
    """Write a bundle under `registry/<name>/<version>` in one rename, and return its folder.

    `extra` files (metrics, report) are hashed like the rest. The version follows from the contents, so the same
    contents land in the same folder: a sound bundle that is there already is left as it is, a broken one is replaced.
    """
    files = {MODEL: model, GOLDEN: msgspec.json.Encoder().encode_lines(golden), **(extra or {})}
    manifest = msgspec.structs.replace(
        manifest, files={name: _sha256(content) for name, content in sorted(files.items())}
    )
    manifest = msgspec.structs.replace(manifest, version=manifest.content_version())
    files[MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest), indent=1)

    target = registry / manifest.name / manifest.version
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        try:
            return open_bundle(target).folder
        except BundleError:
            shutil.rmtree(target)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        draft.chmod(0o755)
        for name, content in files.items():
            _write_through(draft / name, content)
        open_bundle(draft, draft=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _sync_folder(target.parent)
    return target


def open_bundle(folder: Path, *, draft: bool = False) -> Bundle:
    """Open a bundle after checking its hashes, its contract and its golden rows.

    Args:
        folder: the bundle's folder, named after its version.
        draft: it is still being written, under another name.

    Raises:
        BundleError: anything is missing, was changed, or answers otherwise than when it was written.
    """
    manifest = read_manifest(folder)
    if not draft and folder.name != manifest.version:
        raise BundleError(
            f"{folder}: its manifest says version {manifest.version}; restore the folder's name or export again"
        )
    contents = {name: _read(folder / name) for name in manifest.files}
    for name, content in contents.items():
        if _sha256(content) != manifest.files[name]:
            raise BundleError(
                f"{folder / name}: hash differs from the manifest's; it was changed or half-written, export again"
            )
    scorer = Scorer(contents[MODEL], features=len(manifest.contract.features), periods=manifest.periods)
    _replay(folder, manifest, scorer, contents[GOLDEN])
    return Bundle(folder, manifest, scorer)


def read_manifest(folder: Path) -> Manifest:
    """What a bundle says of itself, the model's own files left unread.

    Raises:
        BundleError: it is missing, was changed, or is of another format.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(_read(path), type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise BundleError(
            f"{path}: format {manifest.format}, this Gatekeeper reads format {FORMAT}; export the model again"
        )
    if manifest.content_version() != manifest.version:
        raise BundleError(
            f"{path}: contents do not hash to version {manifest.version}; the manifest was changed, export it again"
        )
    if manifest.contract.hash != manifest.contract_hash:
        raise BundleError(
            f"{path}: the features hash to {manifest.contract.hash}, the model takes {manifest.contract_hash}"
        )
    for name in (MODEL, GOLDEN):
        if name not in manifest.files:
            raise BundleError(f"{path}: lists no {name}")
    return manifest


def _replay(folder: Path, manifest: Manifest, scorer: Scorer, lines: bytes) -> None:
    """Score the golden rows again; a model that answers otherwise here than where it was fitted must not serve."""
    try:
        golden = msgspec.json.Decoder(GoldenRow).decode_lines(lines)
        x = np.stack([manifest.contract.encode_columns(row.features) for row in golden])
        expected = Scored(
            np.array([row.survival for row in golden]).reshape(len(golden), manifest.periods),
            np.array([row.points for row in golden]).reshape(x.shape),
            np.array([np.nan if row.spread is None else row.spread for row in golden]),
            np.array([row.support for row in golden]),
        )
    except (msgspec.DecodeError, FeatureError, ValueError) as error:
        raise BundleError(f"{folder / GOLDEN}: {error}") from error
    for what, found, right in zip(Scored._fields, scorer(x), expected, strict=True):
        off = np.where(np.isnan(found) & np.isnan(right), 0.0, np.abs(found - right))
        if not off.max() <= TOLERANCES[what]:
            raise BundleError(
                f"{folder}: golden rows replay with {what} off by {off.max():.2g}, more than {TOLERANCES[what]:g}"
            )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
