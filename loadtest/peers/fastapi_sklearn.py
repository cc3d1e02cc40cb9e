"""FastAPI, pydantic, and a pickled scikit-learn pipeline on a pandas row."""

from __future__ import annotations

import os
from pathlib import Path

import joblib
import pandas as pd
from fastapi import FastAPI

from loadtest.peers.terms import Terms
from loadtest.peers.wire import Assessment, Lead


def create_app() -> FastAPI:
    """The application for the bundle and pipeline that BUNDLE and PIPELINE name."""
    pipeline = joblib.load(os.environ["PIPELINE"])
    encode, hazard = pipeline[:-1], pipeline[-1]
    terms = Terms.of(Path(os.environ["BUNDLE"]))
    app = FastAPI()

    @app.post("/score")
    async def score(lead: Lead) -> Assessment:
        encoded = encode.transform(pd.DataFrame([lead.model_dump()]))
        survival = hazard.predict_survival_function(encoded)
        return terms.assess(survival[0], hazard.predict_points(encoded)[0], lead.monthly_charges)

    return app
