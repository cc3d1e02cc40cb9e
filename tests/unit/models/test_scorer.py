"""The scorer: four outputs by name, the same for one prospect and many; any other graph is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from models.errors import BundleError
from models.scorer import Scored, Scorer
from tests.support.bundles import CONTRACT, PERIODS, SPREAD, SUPPORT, make_bundle


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    return (make_bundle(tmp_path) / "model.onnx").read_bytes()


def test_curve_points_spread_and_support_come_by_name(model: bytes) -> None:
    x = np.stack([CONTRACT.blank(), CONTRACT.encode({"contract": "Two year", "seats": 20})])
    scored = Scorer(model, len(CONTRACT.features), PERIODS)(x)
    assert [each.shape for each in scored] == [(2, PERIODS), (2, 4), (2,), (2,)]
    assert {each.dtype for each in scored} == {np.dtype(np.float32)}
    assert scored.spread.tolist() == [SPREAD, SPREAD]
    assert scored.support.tolist() == [SUPPORT, SUPPORT]


@pytest.mark.parametrize("output", Scored._fields)
def test_a_graph_that_lacks_an_output_is_refused(model: bytes, output: str) -> None:
    graph = onnx.load_model_from_string(model)
    kept = [node for node in graph.graph.output if node.name != output]
    del graph.graph.output[:]
    graph.graph.output.extend(kept)
    with pytest.raises(BundleError, match=r"model\.onnx has the columns"):
        Scorer(graph.SerializeToString(), len(CONTRACT.features), PERIODS)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(BundleError, match=r"model\.onnx does not load"):
        Scorer(b"no model", 4, PERIODS)
