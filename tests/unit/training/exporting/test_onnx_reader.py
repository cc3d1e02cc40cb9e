"""The reader: what was exported comes back, and gives the same graph again."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.bundle import MODEL, open_bundle
from models.errors import BundleError
from tests.support.bundles import make_bundle
from tests.support.customers import CARD, CATEGORICAL, customers
from training.exporting.export import draft
from training.exporting.onnx_graph import to_onnx
from training.exporting.onnx_reader import read_estimator
from training.model.hazard import AdditiveHazardClassifier

NOW = datetime(2026, 11, 21, tzinfo=UTC)

X, Y = customers(800)


@pytest.mark.parametrize(
    ("pairs", "periods", "replicates"), [(((0, 1), (2, 1)), 40, 2), (((3, 0),), 40, 0), ((), 12, 2), ((), 12, 0)]
)
def test_an_estimator_read_back_gives_the_same_graph(
    pairs: tuple[tuple[int, int], ...], periods: int, replicates: int, tmp_path: Path
) -> None:
    fitted = AdditiveHazardClassifier(6, periods, CATEGORICAL, pairs=pairs, max_iter=20).fit(X, Y)
    fitted.bootstrap(X, Y, replicates=replicates)
    bundle = open_bundle(draft(fitted, CARD, X, NOW).write(tmp_path))
    back = read_estimator(bundle)
    assert to_onnx(back, CARD.name).SerializeToString() == (bundle.folder / MODEL).read_bytes()
    assert back.predict_survival_function(X) == pytest.approx(fitted.predict_survival_function(X), abs=1e-6)
    assert back.predict_points(X) == pytest.approx(fitted.predict_points(X), abs=1e-3)
    for found, right in zip(back.predict_evidence(X), fitted.predict_evidence(X), strict=True):
        assert np.allclose(found, right, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_a_graph_without_named_tables_is_refused(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path))
    with pytest.raises(BundleError, match=r"model\.onnx: no table is named '\w+'; it was exported by an older"):
        read_estimator(bundle)
