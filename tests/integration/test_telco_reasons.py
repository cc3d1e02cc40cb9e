"""Reasons on the sample book: they add up on every row, average zero, and name whom Shapley values would name."""

from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle, open_bundle
from models.contract import Vector
from tests.support.shapley import fit_telco, same_top, shapley_from_centre
from training.reading.book import read_book
from training.reading.encode import encode
from training.reading.ingest import ingest

REFERENCE = 1000


@pytest.fixture(scope="module")
def book(bundle: Bundle, telco_book: Path) -> Vector:
    """The sample's customers, encoded by the contract of its bundle."""
    return encode(bundle.contract, ingest(read_book(telco_book)).frame)


@pytest.fixture(scope="module")
def bundle(telco: Path) -> Bundle:
    return open_bundle(telco)


def test_the_points_of_all_features_add_up_on_every_row(bundle: Bundle, book: Vector) -> None:
    survival, points, *_ = bundle.scorer(book)
    risk = 1 - survival[:, bundle.manifest.horizons[0] - 1].astype(np.float64)
    gap = np.abs(points.sum(axis=1) - 100 * (risk - bundle.manifest.base))
    assert len(gap) == 7032
    assert gap.max() <= 0.05


def test_the_points_of_each_feature_average_zero_over_the_book(bundle: Bundle, book: Vector) -> None:
    points = bundle.scorer(book).points
    assert np.abs(points.mean(axis=0)).max() <= 0.05


def test_the_top_reason_is_that_of_shapley_values_by_full_enumeration(telco_book: Path) -> None:
    """Over all 8,192 coalitions, an absent feature having no effect, less their mean over a reference sample."""
    model, x = fit_telco(telco_book)
    reference = np.random.default_rng(1).choice(len(x), REFERENCE, replace=False)
    effects = np.concatenate(list(model.tables_.effects_of(x[reference])))
    shapley = shapley_from_centre(effects, effects, model.tables_)
    assert same_top(shapley, model.predict_points(x[reference])) >= 0.95
