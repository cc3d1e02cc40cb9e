"""Reading back: the fitted estimator that a bundle was exported from, out of its ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models.bundle import MODEL, Bundle, Manifest
from models.errors import BundleError
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
        tables = _tables(constants, bundle.manifest, estimator.categorical)
        evidence = _evidence(constants, tables)
        nodes, mean = _floats(constants, "nodes")[:, 0], _floats(constants, "points_mean")
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


def _tables(constants: Constants, manifest: Manifest, categorical: tuple[int, ...]) -> Tables:
    effects = _per_feature(constants, "effects")
    learned = [counts > 0 for counts in _per_feature(constants, "person_periods")]
    thresholds = constants["thresholds"][0].astype(np.float32)
    bins = [
        Bins(thresholds[j, : len(rows) - 2], categorical=j in categorical, learned=rows)
        for j, rows in enumerate(learned)
    ]
    tables = Tables(bins, _floats(constants, "baseline"), effects, [], _grid(constants, manifest))
    if "pair_strides" not in constants:
        return tables
    strides = constants["pair_strides"].T  # [P, F]: 1 for the second feature, its number of rows for the first
    pairs = [(int(stride.argmax()), int(np.flatnonzero(stride == 1)[0])) for stride in strides]
    unstacked = _per_pair(_floats(constants, "pair_effects"), tables, pairs)
    return tables._replace(pairs=[Pair(a, b, table) for (a, b), table in zip(pairs, unstacked, strict=True)])


def _evidence(constants: Constants, tables: Tables) -> Evidence:
    counts = _per_feature(constants, "person_periods")
    if "baseline_deviations" not in constants:
        return Evidence(counts, [np.empty((len(each), 0)) for each in counts], [], np.empty(0))
    pairs = [(pair.first, pair.second) for pair in tables.pairs]
    joint = _per_pair(_floats(constants, "pair_deviations"), tables, pairs) if pairs else []
    return Evidence(counts, _per_feature(constants, "deviations"), joint, _floats(constants, "baseline_deviations"))


def _grid(constants: Constants, manifest: Manifest) -> TimeGrid:
    """The segments as far as the curve goes; those that begin after it end with it."""
    ends = np.abs(_floats(constants, "periods_until")[:, -1]).cumsum().astype(np.int64)
    return TimeGrid(ends, manifest.supported_periods, manifest.horizons[0], manifest.periods)


def _per_feature(constants: Constants, name: str) -> list[Floats]:
    """A stacked table parted by feature, rows in the order of the bins."""
    return [_ascending(rows) for rows in np.split(_floats(constants, name), constants["offsets"][1:])]


def _per_pair(stacked: Floats, tables: Tables, pairs: list[tuple[int, int]]) -> list[Floats]:
    """Stacked cells parted by pair, [rows of first, rows of second, width], rows in the order of the bins."""
    shapes = [(len(tables.effects[a]), len(tables.effects[b])) for a, b in pairs]
    parts = np.split(stacked, np.cumsum([height * width for height, width in shapes])[:-1])
    squares = (cells.reshape(*shape, -1) for cells, shape in zip(parts, shapes, strict=True))
    return [_ascending(_ascending(square).swapaxes(0, 1)).swapaxes(0, 1) for square in squares]


def _ascending(rows: Floats) -> Floats:
    """Missing first, then the bins from the first to the last; in the graph they descend."""
    return np.concatenate([rows[:1], rows[:0:-1]])


def _floats(constants: Constants, name: str) -> Floats:
    return constants[name].astype(np.float64)
