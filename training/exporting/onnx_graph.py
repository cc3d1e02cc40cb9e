"""The additive hazard as an ONNX graph: the registered skl2onnx converter of the estimator.

    features [n, F]  ->  survival [n, T], points [n, F], spread [n], support [n]

Rows of the tables are found by counting, for each feature, the edges that are not below the value. Nothing compares
with NaN, so a missing value counts none: row 0. A sentinel edge at infinity makes every number count at least one.

What is summed comes first and the prospects after it, [F, n], so that whole rows are added at once.

What the model has learned stands in initializers of fixed names, from which `onnx_reader` has it back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, TensorProto
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import FloatTensorType

from models.scorer import INPUT, OUTPUTS
from training.exporting.stacks import stack, stack_edges
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats
from training.model.tables import Tables

OPSET = 18
ALIAS = "GatekeeperAdditiveHazard"


def to_onnx(estimator: AdditiveHazardClassifier, name: str) -> ModelProto:
    """Convert a fitted estimator; `name` becomes the graph's name, so that equal models are equal bytes."""
    update_registered_converter(
        AdditiveHazardClassifier, ALIAS, _calculate_shapes, _convert, parser=_parse, overwrite=True
    )
    model: ModelProto = convert_sklearn(
        estimator,
        name=name,
        initial_types=[(INPUT, FloatTensorType([None, estimator.n_features_in_]))],
        target_opset={"": OPSET},
    )
    return model


def _parse(
    scope: Scope,
    model: AdditiveHazardClassifier,
    inputs: list[Variable],
    custom_parsers: Any = None,  # noqa: ARG001
) -> list[Variable]:
    """Declare the outputs; skl2onnx by itself would expect a classifier's labels and probabilities."""
    operator = scope.declare_local_operator(ALIAS, model)
    operator.inputs = inputs
    for output in OUTPUTS:
        operator.outputs.append(scope.declare_local_variable(output, FloatTensorType()))
    return list(operator.outputs)


def _calculate_shapes(operator: Operator) -> None:
    model: AdditiveHazardClassifier = operator.raw_operator
    operator.outputs[0].type = FloatTensorType([None, model.tables_.grid.periods])
    operator.outputs[1].type = FloatTensorType([None, model.n_features_in_])
    for output in operator.outputs[2:]:
        output.type = FloatTensorType([None])


def _convert(scope: Scope, operator: Operator, container: Any) -> None:
    model: AdditiveHazardClassifier = operator.raw_operator
    graph = _Graph(scope, container)
    tables, evidence, grid = model.tables_, model.evidence_, model.tables_.grid
    survival, points, spread, support = operator.outputs

    rows = _rows(graph, tables, operator.inputs[0].full_name)
    behind = graph.node("Gather", graph.floats(_person_periods(model), "person_periods"), rows, axis=0)
    graph.node("ReduceMin", behind, graph.integers([0]), keepdims=0, output=support)

    terms = graph.floats(_terms(model), "terms")
    total = graph.sum(graph.node("Gather", terms, rows, axis=0), axis=0)  # [n, G + B]
    baseline = graph.floats(np.concatenate([tables.baseline, evidence.baseline]), "baseline")
    log_odds = graph.node("Add", total, baseline)
    if len(evidence.baseline):
        log_odds, deviations = graph.split(log_odds, [grid.segments, len(evidence.baseline)])
        graph.node("ReduceL2", deviations, graph.integers([1]), keepdims=0, output=spread)
    else:
        graph.node("Mul", support.full_name, graph.floats(np.nan), output=spread)

    hazards = graph.node("Softplus", log_odds)  # -log(1 - h)
    log_survival = graph.node("MatMul", hazards, graph.floats(-grid.periods_until, "periods_until"))
    graph.node("Exp", log_survival, output=survival)

    periods = np.trim_zeros(grid.periods_in_horizon, "b")  # in each of the H segments that the horizon reaches
    slope = _slope(graph, model, graph.leading(total, len(periods)), periods)
    # Of constants alone, which the session folds into one when it opens.
    percent = graph.node("Mul", graph.leading(terms, len(periods)), graph.floats(100.0 * periods))
    values = graph.sum(graph.node("Mul", graph.node("Gather", percent, rows, axis=0), slope), axis=2)  # [F + P, n]
    shares = graph.floats(_shares(tables))
    mean = graph.floats(-model.attribution_.mean, "points_mean")
    graph.node("Gemm", values, shares, mean, transA=1, output=points)


def _rows(graph: _Graph, tables: Tables, features: str) -> str:
    """The row of each feature and of each pair in the stacked tables, [F + P, n]."""
    columns = graph.node("Transpose", features, perm=[1, 0])
    not_below = graph.node("LessOrEqual", columns, graph.floats(stack_edges(tables.bins), "thresholds"))  # [E, F, n]
    counts = graph.sum(graph.node("Cast", not_below, to=TensorProto.FLOAT), axis=0)
    sizes = [each.shape[0] for each in tables.effects] + [pair.effects[..., 0].size for pair in tables.pairs]
    starts = np.cumsum([0, *sizes[:-1]])[:, None]
    rows = graph.node("Gemm", graph.floats(_strides(tables), "strides"), counts, graph.floats(starts))
    return graph.node("Cast", rows, to=TensorProto.INT32)


def _strides(tables: Tables) -> Floats:
    """How many rows of its table a count of each feature's edges moves each feature and pair along, [F + P, F]."""
    strides = np.eye(len(tables.bins) + len(tables.pairs), len(tables.bins))
    for stride, pair in zip(strides[len(tables.bins) :], tables.pairs, strict=True):
        stride[pair.first], stride[pair.second] = pair.effects.shape[1], 1
    return strides


def _shares(tables: Tables) -> Floats:
    """A feature's own effect counts as its own, a pair's by half for either of its features. Shape [F + P, F]."""
    shares = np.eye(len(tables.bins) + len(tables.pairs), len(tables.bins))
    for share, pair in zip(shares[len(tables.bins) :], tables.pairs, strict=True):
        share[[pair.first, pair.second]] = 0.5
    return shares


def _terms(model: AdditiveHazardClassifier) -> Floats:
    """Beside each effect, the deviations that B replicates have left of it: one look-up finds both. [rows, G + B]."""
    tables, evidence = model.tables_, model.evidence_
    effects = stack([*tables.effects, *(pair.effects for pair in tables.pairs)])
    if not len(evidence.baseline):
        return effects
    return np.hstack([effects, stack([*evidence.deviations, *evidence.pair_deviations])])


def _person_periods(model: AdditiveHazardClassifier) -> Floats:
    """What stands behind each row; the rows of pairs are left out of the least by infinity. Shape [rows]."""
    alone = [counts[:, None] for counts in model.evidence_.person_periods]
    pairs = [np.full((*pair.effects.shape[:2], 1), np.inf) for pair in model.tables_.pairs]
    return stack([*alone, *pairs])[:, 0]


def _slope(graph: _Graph, model: AdditiveHazardClassifier, effects: str, periods: Floats) -> str:
    """How steeply the risk rises with the log-odds of each segment that the horizon reaches, [n, H].

    A weighted mean over the nodes of the path from the centre of the book to the prospect, [Q, n, H].
    """
    attribution = model.attribution_
    log_odds = graph.node("Mul", effects, graph.floats(attribution.nodes[:, None, None], "nodes"))
    log_odds = graph.node("Add", log_odds, graph.floats(model.tables_.baseline[: len(periods)]))
    # A faster Softplus, less exact for small hazards: points have room for that, a long survival curve has not.
    hazards = graph.node("Log", graph.node("Add", graph.node("Exp", log_odds), graph.floats(1.0)))
    survival = graph.node("Exp", graph.node("MatMul", hazards, graph.floats(-periods[:, None])))
    weighted = graph.node("Mul", survival, graph.floats(attribution.weights[:, None, None]))
    return graph.sum(graph.node("Mul", graph.node("Sigmoid", log_odds), weighted), axis=0)


class _Graph:
    """Names what skl2onnx wants named."""

    def __init__(self, scope: Scope, container: Any) -> None:
        self._scope, self._container = scope, container

    def node(self, op: str, *inputs: str, output: Variable | None = None, **attributes: Any) -> str:
        name: str = output.full_name if output is not None else self._scope.get_unique_variable_name(op)
        self._add(op, list(inputs), [name], **attributes)
        return name

    def sum(self, values: str, axis: int) -> str:
        return self.node("ReduceSum", values, self.integers([axis]), keepdims=0)

    def leading(self, values: str, columns: int) -> str:
        """The first columns of [rows, columns]."""
        return self.node("Slice", values, self.integers([0]), self.integers([columns]), self.integers([1]))

    def split(self, values: str, widths: list[int]) -> list[str]:
        """The columns of [rows, columns], parted."""
        names: list[str] = [self._scope.get_unique_variable_name("Split") for _ in widths]
        self._add("Split", [values, self.integers(widths)], names, axis=1)
        return names

    def floats(self, values: ArrayLike, name: str = "constant") -> str:
        return self._constant(TensorProto.FLOAT, np.asarray(values, dtype=np.float32), name)

    def integers(self, values: Any, dtype: type[np.integer] = np.int64, name: str = "constant") -> str:
        kind = TensorProto.INT32 if dtype is np.int32 else TensorProto.INT64
        return self._constant(kind, np.asarray(values, dtype=dtype), name)

    def _add(self, op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        name = self._scope.get_unique_operator_name(op)
        self._container.add_node(op, inputs, outputs, name=name, op_version=OPSET, **attributes)

    def _constant(self, kind: int, values: NDArray[np.generic], name: str) -> str:
        unique: str = self._scope.get_unique_variable_name(name)
        self._container.add_initializer(unique, kind, values.shape, values.ravel().tolist())
        return unique
