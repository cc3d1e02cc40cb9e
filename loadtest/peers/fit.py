"""Pickle the pipeline of the scikit-learn peer: encoding, and the very estimator that a bundle was exported from.

Run as `python -m loadtest.peers.fit BUNDLE PIPELINE`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from models.bundle import open_bundle
from training.exporting.onnx_reader import read_estimator


def main(bundle_folder: Path, out: Path) -> None:
    """Write the pipeline, which takes a frame of raw features."""
    bundle = open_bundle(bundle_folder)
    features = bundle.contract.features
    categories = [feature for feature in features if feature.kind == "category"]
    others = [feature for feature in features if feature.kind != "category"]
    encoder = OrdinalEncoder(
        categories=[list(feature.categories) for feature in categories],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
    )
    columns = ColumnTransformer(
        [
            ("categories", encoder, [feature.name for feature in categories]),
            ("others", "passthrough", [feature.name for feature in others]),
        ]
    )
    columns.fit(pd.DataFrame([{feature.name: (feature.categories or (0,))[0] for feature in features}]))
    encoded = [feature.name for feature in (*categories, *others)]
    order = FunctionTransformer(
        np.take, kw_args={"indices": [encoded.index(n) for n in bundle.contract.names], "axis": 1}
    )
    joblib.dump(Pipeline([("encode", columns), ("order", order), ("hazard", read_estimator(bundle))]), out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
