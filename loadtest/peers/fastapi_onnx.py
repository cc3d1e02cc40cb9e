"""FastAPI, pydantic, and our model.onnx."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI

from loadtest.peers.onnx_model import OnnxModel
from loadtest.peers.wire import Assessment, Lead


def create_app() -> FastAPI:
    """The application for the bundle that BUNDLE names."""
    model = OnnxModel(Path(os.environ["BUNDLE"]))
    app = FastAPI()

    @app.post("/score")
    async def score(lead: Lead) -> Assessment:
        return model.assess(lead)

    return app
