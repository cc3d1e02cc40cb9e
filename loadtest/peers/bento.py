"""BentoML around our model.onnx."""

from __future__ import annotations

import os
from pathlib import Path

import bentoml

from loadtest.peers.onnx_model import OnnxModel
from loadtest.peers.wire import Assessment, Lead


@bentoml.service(workers=1)
class Scorer:
    """The service for the bundle that BUNDLE names."""

    def __init__(self) -> None:
        self._model = OnnxModel(Path(os.environ["BUNDLE"]))

    @bentoml.api  # type: ignore[untyped-decorator]
    async def score(self, lead: Lead) -> Assessment:
        """Assess one lead."""
        return self._model.assess(lead)
