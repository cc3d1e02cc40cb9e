"""Export: the ONNX model answers as the estimator does, or no bundle is written."""

from copy import copy
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from models.bundle import open_bundle
from models.scorer import Scorer
from tests.support.customers import CARD, CATEGORICAL, customers
from training.errors import ParityError
from training.exporting.export import draft
from training.exporting.onnx_graph import to_onnx
from training.model.hazard import AdditiveHazardClassifier

X, Y = customers()
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def fitted() -> AdditiveHazardClassifier:
    return AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL).fit(X, Y)


def hard_rows() -> np.ndarray:
    """Customers with values missing, unknown and far outside the range."""
    rng = np.random.default_rng(3)
    x = X.copy()
    x[rng.random(x.shape) < 0.3] = np.nan
    x[:100, 0] = -1
    x[100:120, 1:3] = [-3.4e38, 3.4e38]
    return x


@pytest.mark.parametrize("pairs", [(), ((0, 1), (2, 1), (3, 0))])
def test_onnx_and_estimator_agree_on_the_book_and_on_what_is_no_part_of_it(pairs: tuple[tuple[int, int], ...]) -> None:
    fitted = AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL, pairs=pairs).fit(X, Y)
    scorer = Scorer(to_onnx(fitted, "book").SerializeToString(), features=4, periods=40)
    edges = [feature.edges for feature in fitted.tables_.bins]
    around = np.concatenate([np.nextafter(e, np.float32(side)) for e in edges for side in (-np.inf, np.inf)] + edges)
    on_edge = np.repeat(around[:, None], 4, axis=1)
    on_edge[:, 0] = np.clip(np.round(on_edge[:, 0]), -1, 4)
    for x in (X, hard_rows(), on_edge.astype(np.float32)):
        survival, points, *_ = scorer(x)
        assert np.abs(survival - fitted.predict_survival_function(x)).max() < 1e-6
        assert np.abs(points - fitted.predict_points(x)).max() < 1e-3


def test_the_graph_is_a_valid_onnx_model_of_standard_operators(fitted: AdditiveHazardClassifier) -> None:
    model = to_onnx(fitted, "book")
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}


def test_one_period_books_convert_too() -> None:
    model = AdditiveHazardClassifier().fit(X, Y["event"])
    survival = Scorer(to_onnx(model, "plain").SerializeToString(), features=4, periods=1)(X).survival
    assert 1 - survival[:, 0] == pytest.approx(model.predict_proba(X)[:, 1], abs=1e-6)


def test_the_same_book_is_the_same_bundle_but_for_its_time(fitted: AdditiveHazardClassifier, tmp_path: Path) -> None:
    first = draft(fitted, CARD, X, NOW).write(tmp_path / "a")
    again = AdditiveHazardClassifier(horizon=6, periods=40, categorical=CATEGORICAL).fit(X, Y)
    second = draft(again, CARD, X, datetime(2027, 1, 1, tzinfo=UTC)).write(tmp_path / "b")
    assert first.name == second.name
    for name in ("model.onnx", "golden.jsonl"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    manifests = [msgspec.json.decode((folder / "manifest.json").read_bytes()) for folder in (first, second)]
    assert manifests[0].pop("created_at") != manifests[1].pop("created_at")
    assert manifests[0] == manifests[1]


def test_the_bundle_says_what_the_estimator_learned(fitted: AdditiveHazardClassifier, tmp_path: Path) -> None:
    manifest = open_bundle(draft(fitted, CARD, X, NOW).write(tmp_path)).manifest
    assert manifest.base == pytest.approx(fitted.predict_proba(X)[:, 1].mean())
    assert manifest.periods == 40
    assert manifest.supported_periods == fitted.tables_.grid.supported_periods
    assert manifest.created_at == "2026-11-21T00:00:00+00:00"


def test_a_difference_refuses_the_bundle_and_names_the_customer(
    fitted: AdditiveHazardClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = AdditiveHazardClassifier.predict_survival_function

    def off(self: AdditiveHazardClassifier, x: np.ndarray) -> np.ndarray:
        survival = predict(self, x)
        survival[7] += 2e-5
        return survival

    monkeypatch.setattr(AdditiveHazardClassifier, "predict_survival_function", off)
    with pytest.raises(ParityError, match=r"customer 8 .* differ by 2e-05 in survival, more than 1e-05; no bundle"):
        draft(fitted, CARD, X, NOW).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_points_that_do_not_add_up_refuse_the_bundle(fitted: AdditiveHazardClassifier, tmp_path: Path) -> None:
    wrong = copy(fitted)
    wrong.attribution_ = fitted.attribution_._replace(mean=fitted.attribution_.mean + 0.02)
    with pytest.raises(ParityError, match=r"the points of the features miss the risk by 0\.08, more than 0\.05"):
        draft(wrong, CARD, X, NOW).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_to_the_last_row(fitted: AdditiveHazardClassifier) -> None:
    told: list[tuple[int, int]] = []
    draft(fitted, CARD, X, NOW, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(X), len(X))
