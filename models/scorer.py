"""The scorer: one ONNX session that turns encoded prospects into survival curves and reasons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.contract import Vector
from models.errors import BundleError

INPUT = "features"


class Scored(NamedTuple):
    """What the model says of n prospects, all float32; the fields are the outputs of the graph.

    survival: P(not churned after period t) [n, T]. points: each feature's share of the risk [n, F].
    spread: standard error of the log cumulative hazard within the horizon [n]; NaN from a bundle without bootstrap.
    support: person-periods of the book behind the feature value that the fewest customers share [n].
    """

    survival: NDArray[np.float32]
    points: NDArray[np.float32]
    spread: NDArray[np.float32]
    support: NDArray[np.float32]


OUTPUTS = Scored._fields


class Scorer:
    """Runs the model on n prospects in the calling thread.

    One thread and no spinning: a score takes microseconds; a second thread would steal the core from the event loop.

    Raises:
        BundleError: the bytes are no ONNX model, or its inputs and outputs are not the agreed ones.
    """

    def __init__(self, model: bytes, features: int, periods: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a dozen unrelated classes here, all meaning the same
            raise BundleError(f"model.onnx does not load: {type(error).__name__}") from error
        expected = {INPUT: [features], "survival": [periods], "points": [features], "spread": [], "support": []}
        found = {
            node.name: node.shape[1:] if node.type == "tensor(float)" else node.type
            for node in (*self._session.get_inputs(), *self._session.get_outputs())
        }
        if found != expected:
            raise BundleError(f"model.onnx has the columns {found}, the manifest says {expected}")

    def __call__(self, x: Vector) -> Scored:
        """Score encoded prospects [n, F]."""
        return Scored(*self._session.run(OUTPUTS, {INPUT: x}))
