"""The prototype's graph, the yardstick of batch scoring: survival and reasons in every period, nothing else.

It is the first graph that the model was tried in: effects by period instead of by segment of time, reasons by five
points of support over the periods within the horizon. It knows no pairs, no missing values and no intervals.
"""

from __future__ import annotations

import time

import numpy as np
import onnxruntime as ort
from onnx import numpy_helper, parser

from models.contract import Vector
from training.model.tables import Tables

CHUNKS = (16, 64, 256, 1024, 4096)
"""Rows of one run: it is measured with whichever suits it best."""

NODES = 5

GRAPH = """
<ir_version: 9, opset_import: ["": 18]>
prototype (float[n, F] x) => (float[n, T] survival, float[n, F] reasons) {
    wide = Unsqueeze(x, last)
    above = Greater(wide, edges)
    ones = Cast<to = 6>(above)
    counts = ReduceSum<keepdims = 0>(ones, last)
    rows = Add(counts, offsets)

    effects = Gather(every_effect, rows)
    total = ReduceSum<keepdims = 0>(effects, middle)
    log_odds = Add(total, baseline)
    hazards = Softplus(log_odds)
    summed = CumSum(hazards, across)
    lost = Neg(summed)
    survival = Exp(lost)

    within = Slice(total, zero, horizon, across)
    raised = Unsqueeze(within, middle)
    along = Mul(raised, nodes)
    path = Add(along, baseline_within)
    path_hazards = Softplus(path)
    path_summed = ReduceSum(path_hazards, last)
    path_lost = Neg(path_summed)
    path_survival = Exp(path_lost)
    weighed = Mul(path_survival, weights)
    steep = Sigmoid(path)
    slopes = Mul(steep, weighed)
    slope = ReduceSum<keepdims = 0>(slopes, middle)
    column = Unsqueeze(slope, last)
    effects_within = Gather(every_effect_within, rows)
    products = MatMul(effects_within, column)
    reasons = Squeeze(products, last)
}
"""


def prototype_rate(tables: Tables, x: Vector) -> float:
    """Rows of `x` [n, F] that the prototype's graph of a model's `tables` scores in a second of this thread's core."""
    session = _session(tables)
    few = x[: max(CHUNKS)]
    expected = tables._replace(pairs=[]).survival(few)
    if not np.allclose(session.run(["survival"], {"x": few})[0], expected, atol=1e-4):
        raise AssertionError("the prototype's graph does not score as the tables do")
    return max(_rate(session, x, rows) for rows in CHUNKS)


def _rate(session: ort.InferenceSession, x: Vector, rows: int) -> float:
    started = time.process_time()
    for start in range(0, len(x), rows):
        session.run(None, {"x": x[start : start + rows]})
    return len(x) / (time.process_time() - started)


def _session(tables: Tables) -> ort.InferenceSession:
    grid = tables.grid
    segment = np.diff(grid.periods_until, axis=1, prepend=0).argmax(axis=0)  # of each period
    effects = np.concatenate([table[1:] for table in tables.effects])[:, segment]
    baseline = tables.baseline[segment]
    edges = np.full((len(tables.bins), max(len(feature.edges) for feature in tables.bins)), np.inf)
    for row, feature in zip(edges, tables.bins, strict=True):
        row[: len(feature.edges)] = feature.edges
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    floats = {
        "edges": edges,
        "every_effect": effects,
        "every_effect_within": effects[:, : grid.horizon],
        "baseline": baseline,
        "baseline_within": baseline[: grid.horizon],
        "nodes": (nodes[:, None] + 1) / 2,
        "weights": weights[:, None] / 2,
    }
    offsets = np.cumsum([0, *(len(table) - 1 for table in tables.effects[:-1])], dtype=np.int32)
    integers = {"last": [2], "middle": [1], "across": [1], "zero": [0], "horizon": [grid.horizon]}
    model = parser.parse_model(GRAPH)
    model.graph.initializer.extend(numpy_helper.from_array(a.astype(np.float32), name) for name, a in floats.items())
    model.graph.initializer.extend(numpy_helper.from_array(np.array(a), name) for name, a in integers.items())
    model.graph.initializer.append(numpy_helper.from_array(offsets, "offsets"))
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
