"""MLServer around our model.onnx: a custom runtime that takes and gives JSON, as its documentation shows."""

from __future__ import annotations

import os
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from loadtest.peers.onnx_model import OnnxModel
from loadtest.peers.wire import Lead


class Scorer(MLModel):  # type: ignore[misc]
    """The runtime for the bundle that BUNDLE names."""

    async def load(self) -> bool:
        """Open the model."""
        self._model = OnnxModel(Path(os.environ["BUNDLE"]))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Assess one lead."""
        [lead] = StringCodec.decode_input(payload.inputs[0])
        answer = self._model.assess(Lead.model_validate_json(lead)).model_dump_json()
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("assessment", [answer])])
