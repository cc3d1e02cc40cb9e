"""Export: a fitted estimator becomes a bundle, but only when the ONNX model answers as the estimator does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnx
import onnxruntime
import skl2onnx
import sklearn
from numpy.typing import NDArray

from models.bundle import BookSummary, GoldenRow, Manifest, write_bundle
from models.contract import UNKNOWN, Contract, Scalar
from models.money import MoneyTerms
from models.scorer import Scored, Scorer
from models.value import Period
from training.errors import ParityError
from training.exporting.onnx_graph import to_onnx
from training.model.hazard import AdditiveHazardClassifier

PARITY_TOLERANCE = 1e-5
"""How far a survival probability of the ONNX model may be from the estimator's, for any customer of the book."""

POINTS_TOLERANCE = 0.05
"""How far the points of any customer of the book may be from adding up to 100 * (risk - base)."""

EVIDENCE_TOLERANCE = 1e-3
"""How far spread and support may be off, as a share of them."""

GOLDEN_ROWS = 30
CHUNK_ROWS = 8192

Progress = Callable[[int, int], None]
"""Told how many rows of how many are done."""


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the book says about the model, beside what the estimator has learned.

    other_exits: P(no exit for another reason than churn after t), t = 1..T; empty where the book knows none.
    """

    name: str
    contract: Contract
    horizons: tuple[int, ...]
    period: Period
    currency: str
    money: MoneyTerms
    other_exits: tuple[float, ...]
    book: BookSummary
    id_column: str | None


class Draft(NamedTuple):
    """A bundle that is complete but for its further files, and not yet on disk."""

    manifest: Manifest
    model: bytes
    golden: list[GoldenRow]
    scorer: Scorer

    def write(self, registry: Path, extra: dict[str, bytes] | None = None) -> Path:
        """Write the bundle with `extra` files, by name, under `registry/<name>/<version>`; returns its folder."""
        return write_bundle(registry, self.manifest, self.model, self.golden, extra)


def draft(
    estimator: AdditiveHazardClassifier,
    card: ModelCard,
    x: NDArray[np.float32],
    now: datetime,
    progress: Progress | None = None,
) -> Draft:
    """Convert, and compare on every customer of the training book.

    Args:
        estimator: fitted on `x`.
        card: what the manifest takes from the book.
        x: the whole encoded training book, [n, F].
        now: the bundle's timestamp.
        progress: told about the comparison.

    Raises:
        ParityError: the ONNX model does not answer as the estimator, or its points do not add up.
    """
    model = to_onnx(estimator, card.name).SerializeToString()
    grid = estimator.tables_.grid
    scorer = Scorer(model, features=estimator.n_features_in_, periods=grid.periods)
    check_parity(estimator, scorer, x, progress)
    manifest = Manifest(
        name=card.name,
        created_at=now.isoformat(timespec="seconds"),
        contract=card.contract,
        contract_hash=card.contract.hash,
        horizons=card.horizons,
        periods=grid.periods,
        period=card.period,
        currency=card.currency,
        base=estimator.base_,
        supported_periods=min(grid.supported_periods, grid.periods),
        other_exits=card.other_exits,
        money=card.money,
        book=card.book,
        id_column=card.id_column,
        settings=_settings(estimator),
    )
    return Draft(manifest, model, _golden(estimator, card.contract, scorer, x), scorer)


def check_parity(
    estimator: AdditiveHazardClassifier, scorer: Scorer, x: NDArray[np.float32], progress: Progress | None = None
) -> None:
    """Compare survival and evidence of ONNX model and estimator on all rows, and see that the points add up.

    Raises:
        ParityError: somewhere survival differs by more than PARITY_TOLERANCE, points do not add up to within
            POINTS_TOLERANCE, or the evidence differs by more than a thousandth of itself.
    """
    for start in range(0, len(x), CHUNK_ROWS):
        chunk = x[start : start + CHUNK_ROWS]
        survival, points, *evidence = scorer(chunk)
        difference = np.abs(survival - estimator.predict_survival_function(chunk)).max(axis=1)
        worst = int(difference.argmax())
        if not difference[worst] <= PARITY_TOLERANCE:
            raise ParityError(
                f"customer {start + worst + 1} of the encoded book: ONNX and estimator differ by "
                f"{difference[worst]:.2g} in survival, more than {PARITY_TOLERANCE:g}; no bundle was written"
            )
        risk = 1.0 - survival[:, estimator.tables_.grid.horizon - 1].astype(np.float64)
        gap = np.abs(points.sum(axis=1) - 100.0 * (risk - estimator.base_))
        unsound = int(gap.argmax())
        if not gap[unsound] <= POINTS_TOLERANCE:
            raise ParityError(
                f"customer {start + unsound + 1} of the encoded book: the points of the features miss the risk by "
                f"{gap[unsound]:.2g}, more than {POINTS_TOLERANCE:g}; no bundle was written"
            )
        for what, found, right in zip(Scored._fields[2:], evidence, estimator.predict_evidence(chunk), strict=True):
            if not np.allclose(found, right, rtol=EVIDENCE_TOLERANCE, atol=EVIDENCE_TOLERANCE, equal_nan=True):
                raise ParityError(f"ONNX and estimator differ in {what}; no bundle was written")
        if progress:
            progress(start + len(chunk), len(x))


def _golden(
    estimator: AdditiveHazardClassifier, contract: Contract, scorer: Scorer, x: NDArray[np.float32]
) -> list[GoldenRow]:
    """Customers from the lowest risk to the highest, one who is all unknown, one whose every category is."""
    by_risk = np.argsort(estimator.predict_proba(x)[:, 1], kind="stable")
    chosen = x[by_risk[np.unique(np.linspace(0, len(x) - 1, GOLDEN_ROWS).astype(int))]]
    odd = chosen[-1].copy()
    odd[[j for j, feature in enumerate(contract.features) if feature.kind == "category"]] = UNKNOWN
    rows = np.vstack([chosen, contract.blank(), odd])
    return [
        GoldenRow(
            {f.name: _exact(contract, j, row[j]) for j, f in enumerate(contract.features)},
            survival.tolist(),
            points.tolist(),
            None if np.isnan(spread) else float(spread),
            float(support),
        )
        for row, survival, points, spread, support in zip(rows, *scorer(rows), strict=True)
    ]


def _exact(contract: Contract, position: int, code: np.float32) -> Scalar:
    """A raw value that encodes to exactly this code."""
    feature = contract.features[position]
    if np.isnan(code):
        return None
    if feature.kind == "number":
        return float(code)
    if feature.kind == "category" and code == len(feature.categories):
        return feature.rare[0]
    if feature.kind == "category" and code == UNKNOWN:
        return "(none of: " + ", ".join(feature.categories) + ")"
    return contract.raw(position, float(code))


def _settings(estimator: AdditiveHazardClassifier) -> dict[str, Any]:
    """How the model was made, for whoever has to make it again."""
    return {
        "estimator": {key: list(v) if isinstance(v, tuple) else v for key, v in sorted(estimator.get_params().items())},
        "libraries": {library.__name__: library.__version__ for library in (np, onnx, onnxruntime, sklearn, skl2onnx)},
    }
