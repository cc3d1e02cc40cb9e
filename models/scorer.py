"""The scorer: one ONNX session that turns encoded prospects into survival curves and reasons."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.contract import Vector
from models.errors import BundleError

INPUT = "features"
OUTPUTS = ("survival", "points")
"""survival: P(not churned after period t), float32 [n, T]. points: each feature's share of the risk, float32 [n, F]."""


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
        expected = {INPUT: features, "survival": periods, "points": features}
        found = {
            node.name: node.shape[1]
            if node.type == "tensor(float)" and len(node.shape) == 2
            else (node.type, node.shape)
            for node in (*self._session.get_inputs(), *self._session.get_outputs())
        }
        if found != expected:
            raise BundleError(f"model.onnx has the columns {found}, the manifest says {expected}")

    def __call__(self, x: Vector) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Survival [n, T] and points [n, F] of encoded prospects [n, F]."""
        survival, points = self._session.run(OUTPUTS, {INPUT: x})
        return survival, points
