"""Our model.onnx, as somebody would call it who has only the file and its manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from loadtest.peers.terms import Terms
from loadtest.peers.wire import Assessment, Lead

UNKNOWN = -1.0


class OnnxModel:
    """A session of one thread that does not spin: a second thread would only take the core from the server."""

    def __init__(self, bundle: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(bundle / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._terms = Terms.of(bundle)
        manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
        self._encoders = [(feature["name"], _encoder(feature)) for feature in manifest["contract"]["features"]]

    def assess(self, lead: Lead) -> Assessment:
        """Encode, run, value."""
        vector = np.array([[encode(getattr(lead, name)) for name, encode in self._encoders]], dtype=np.float32)
        survival, points = self._session.run(["survival", "points"], {"features": vector})
        return self._terms.assess(survival[0], points[0], lead.monthly_charges)


def _encoder(feature: Any) -> Callable[[Any], float]:
    if feature["kind"] != "category":
        return float
    codes = {category: float(code) for code, category in enumerate(feature["categories"])}
    return lambda value: codes.get(value, UNKNOWN)
