"""The additive hazard as an ONNX graph: the registered skl2onnx converter of the estimator.

    features [n, F]  ->  survival [n, T], points [n, F], spread [n], support [n]

Rows of the tables are found by counting, for each feature, the edges that are not below the value. Nothing compares
with NaN, so a missing value counts none: row 0. A sentinel edge at infinity makes every number count at least one.

What the model has learned stands in initializers of fixed names, from which `onnx_reader` has it back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import FloatTensorType

from models.scorer import INPUT, OUTPUTS
from training.model.hazard import AdditiveHazardClassifier
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
    grid = model.tables_.grid
    thresholds, offsets, table = _stack(model.tables_)

    wide = graph.node("Unsqueeze", operator.inputs[0].full_name, graph.integers([2]))
    not_below = graph.node("LessOrEqual", wide, graph.floats(thresholds[None], "thresholds"))
    counts = graph.node(
        "ReduceSum", graph.node("Cast", not_below, to=TensorProto.INT32), graph.integers([2]), keepdims=0
    )
    rows = graph.node("Add", counts, graph.integers(offsets, np.int32, "offsets"))
    effects = graph.node("Gather", graph.floats(table, "effects"), rows, axis=0)  # [n, F, G]
    cells = _pair_cells(graph, model.tables_, rows, offsets) if model.tables_.pairs else None
    if cells is not None:
        effects = graph.node("Add", effects, _pair_effects(graph, model.tables_, cells))
    total = graph.node("ReduceSum", effects, graph.integers([1]), keepdims=1)  # [n, 1, G]

    baseline = graph.floats(model.tables_.baseline, "baseline")
    hazards = graph.node("Softplus", graph.node("Add", total, baseline))  # -log(1 - h)
    survival = graph.node("Exp", graph.node("MatMul", hazards, graph.floats(-grid.periods_until, "periods_until")))
    graph.node("Squeeze", survival, graph.integers([1]), output=operator.outputs[0])

    attribution = model.attribution_
    # Along the path from the centre of the book to the prospect: [n, Q, G]
    log_odds = graph.node("Mul", total, graph.floats(attribution.nodes[:, None], "nodes"))
    log_odds = graph.node("Add", log_odds, baseline)
    hazards = graph.node("Softplus", log_odds)
    survived = graph.node("Exp", graph.node("MatMul", hazards, graph.floats(-grid.periods_in_horizon[:, None])))
    weight = graph.floats(100.0 * attribution.weights[:, None] * grid.periods_in_horizon)
    slope = graph.node("Mul", graph.node("Mul", graph.node("Sigmoid", log_odds), survived), weight)
    slope = graph.node("ReduceSum", slope, graph.integers([1]), keepdims=1)  # [n, 1, G]
    values = graph.node("ReduceSum", graph.node("Mul", effects, slope), graph.integers([2]), keepdims=0)
    graph.node("Sub", values, graph.floats(attribution.mean, "points_mean"), output=operator.outputs[1])
    _evidence(graph, model, rows, cells, operator.outputs)


def _pair_cells(graph: _Graph, tables: Tables, rows: str, offsets: NDArray[np.int64]) -> str:
    """The place of each prospect in the stacked tables of the pairs, [n, P]: first * height + second."""
    stride = np.zeros((len(tables.bins), len(tables.pairs)), dtype=np.int64)
    start, height = [], 0
    for p, (first, second, table) in enumerate(tables.pairs):
        stride[first, p], stride[second, p] = table.shape[1], 1
        start.append(height - offsets[first] * table.shape[1] - offsets[second])
        height += table.shape[0] * table.shape[1]
    cells = graph.node("MatMul", rows, graph.integers(stride, np.int32, "pair_strides"))
    return graph.node("Add", cells, graph.integers(start, np.int32))


def _pair_effects(graph: _Graph, tables: Tables, cells: str) -> str:
    """Half of each pair's effect for either of its features, [n, F, G]."""
    share = np.zeros((len(tables.bins), len(tables.pairs)))
    for p, (first, second, _) in enumerate(tables.pairs):
        share[[first, second], p] = 0.5
    table = graph.floats(_stack_pairs([pair.effects for pair in tables.pairs]), "pair_effects")
    effects = graph.node("Gather", table, cells, axis=0)
    return graph.node("MatMul", graph.floats(share), effects)


def _evidence(
    graph: _Graph, model: AdditiveHazardClassifier, rows: str, cells: str | None, outputs: list[Variable]
) -> None:
    """Standard error of the log cumulative hazard, and the fewest person-periods behind a feature value, each [n]."""
    evidence = model.evidence_
    counts = np.concatenate([_descending(each) for each in evidence.person_periods])
    behind = graph.node("Gather", graph.floats(counts, "person_periods"), rows, axis=0)
    support = graph.node("ReduceMin", behind, graph.integers([1]), keepdims=0, output=outputs[3])
    if not len(evidence.baseline):
        graph.node("Mul", support, graph.floats(np.array(np.nan)), output=outputs[2])
        return
    deviations = np.concatenate([_descending(each) for each in evidence.deviations])
    off = graph.node("Gather", graph.floats(deviations, "deviations"), rows, axis=0)  # [n, F, R]
    off = graph.node("ReduceSum", off, graph.integers([1]), keepdims=0)
    off = graph.node("Add", off, graph.floats(evidence.baseline, "baseline_deviations"))
    if cells is not None:
        joint = graph.floats(_stack_pairs(evidence.pair_deviations), "pair_deviations")
        joint = graph.node("Gather", joint, cells, axis=0)
        off = graph.node("Add", off, graph.node("ReduceSum", joint, graph.integers([1]), keepdims=0))
    graph.node("ReduceL2", off, graph.integers([1]), keepdims=0, output=outputs[2])


def _stack(tables: Tables) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Thresholds [F, E] padded with NaN, the offset of each feature's rows [F], and all rows in one table [R, G].

    A value x counts `len(edges) + 1 - (edges below x)` thresholds, so the bins stand in descending order.
    """
    width = max(len(feature.edges) for feature in tables.bins) + 1
    thresholds = np.full((len(tables.bins), width), np.nan)
    for j, feature in enumerate(tables.bins):
        thresholds[j, : len(feature.edges)] = feature.edges
        thresholds[j, len(feature.edges)] = np.inf
    offsets = np.concatenate([[0], np.cumsum([len(effects) for effects in tables.effects])[:-1]])
    return thresholds, offsets, np.concatenate([_descending(effects) for effects in tables.effects])


def _stack_pairs(tables: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Tables [rows, rows, width] one below the other, [cells, width]."""
    turned = (_descending(_descending(each).swapaxes(0, 1)).swapaxes(0, 1) for each in tables)
    return np.concatenate([each.reshape(-1, each.shape[2]) for each in turned])


def _descending(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Missing first, then the bins from the last to the first."""
    return np.concatenate([rows[:1], rows[:0:-1]])


class _Graph:
    """Names what skl2onnx wants named."""

    def __init__(self, scope: Scope, container: Any) -> None:
        self._scope, self._container = scope, container

    def node(self, op: str, *inputs: str, output: Variable | None = None, **attributes: Any) -> str:
        name: str = output.full_name if output is not None else self._scope.get_unique_variable_name(op)
        self._container.add_node(
            op, list(inputs), [name], name=self._scope.get_unique_operator_name(op), op_version=OPSET, **attributes
        )
        return name

    def floats(self, values: NDArray[np.floating], name: str = "constant") -> str:
        return self._constant(TensorProto.FLOAT, np.asarray(values, dtype=np.float32), name)

    def integers(self, values: Any, dtype: type[np.integer] = np.int64, name: str = "constant") -> str:
        kind = TensorProto.INT32 if dtype is np.int32 else TensorProto.INT64
        return self._constant(kind, np.asarray(values, dtype=dtype), name)

    def _constant(self, kind: int, values: NDArray[np.generic], name: str) -> str:
        unique: str = self._scope.get_unique_variable_name(name)
        self._container.add_initializer(unique, kind, values.shape, values.ravel().tolist())
        return unique
