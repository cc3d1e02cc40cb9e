"""Reading back: the fitted estimator that a bundle was exported from, out of its ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models.bundle import MODEL, Bundle, Manifest
from models.errors import BundleError
from training.exporting.stacks import unstack
from training.model.attribution import Attribution
from training.model.bins import Bins
from training.model.evidence import Evidence
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats, TimeGrid
from training.model.tables import Pair, Tables

Constants = dict[str, NDArray[np.generic]]


def read_estimator(bundle: Bundle) -> AdditiveHazardClassifier:
    """The estimator of a bundle, its tables in the precision that serves; exported again it gives the same graph.

    Raises:
        BundleError: the graph does not name its tables.
    """
    graph = onnx.load_model_from_string((bundle.folder / MODEL).read_bytes()).graph
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    estimator = AdditiveHazardClassifier(**bundle.manifest.settings.get("estimator", {}))
    try:
        tables, evidence = _learned(constants, bundle.manifest, estimator.categorical)
        nodes, mean = _floats(constants, "nodes").ravel(), -_floats(constants, "points_mean")
    except KeyError as error:
        raise BundleError(
            f"{bundle.folder / MODEL}: no table is named {error}; it was exported by an older Gatekeeper, fit it again"
        ) from error
    estimator.n_features_in_ = len(tables.bins)
    estimator.tables_ = tables
    estimator.evidence_ = evidence
    estimator.base_ = bundle.manifest.base
    estimator.attribution_ = Attribution(tables, nodes, np.polynomial.legendre.leggauss(len(nodes))[1] / 2, mean)
    return estimator


def _learned(constants: Constants, manifest: Manifest, categorical: tuple[int, ...]) -> tuple[Tables, Evidence]:
    """The tables, and what stands behind them."""
    grid, strides = _grid(constants, manifest), constants["strides"].astype(np.int64)
    thresholds = constants["thresholds"][:, :, 0].astype(np.float32)
    rows = [int(count) + 1 for count in (~np.isnan(thresholds)).sum(axis=0)]
    features = len(rows)
    # A pair's stride is 1 for its second feature, and for its first the second's number of rows.
    pairs = [(int(stride.argmax()), int(np.flatnonzero(stride == 1)[0])) for stride in strides[features:]]
    shapes = [*((count,) for count in rows), *((rows[first], rows[second]) for first, second in pairs)]

    person_periods = [counts[:, 0] for counts in unstack(_floats(constants, "person_periods"), shapes)[:features]]
    bins = [
        Bins(thresholds[: count - 2, j], categorical=j in categorical, learned=person_periods[j] > 0)
        for j, count in enumerate(rows)
    ]
    baseline, baseline_deviations = np.split(_floats(constants, "baseline"), [grid.segments])
    effects, deviations = (
        unstack(each, shapes) for each in np.split(_floats(constants, "terms"), [grid.segments], axis=1)
    )
    joint = [Pair(first, second, table) for (first, second), table in zip(pairs, effects[features:], strict=True)]
    tables = Tables(bins, baseline, effects[:features], joint, grid)
    return tables, Evidence(person_periods, deviations[:features], deviations[features:], baseline_deviations)


def _grid(constants: Constants, manifest: Manifest) -> TimeGrid:
    """The segments as far as the curve goes; those that begin after it end with it."""
    ends = np.abs(_floats(constants, "periods_until")[:, -1]).cumsum().astype(np.int64)
    return TimeGrid(ends, manifest.supported_periods, manifest.horizons[0], manifest.periods)


def _floats(constants: Constants, name: str) -> Floats:
    return constants[name].astype(np.float64)
