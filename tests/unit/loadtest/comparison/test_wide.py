"""The wide book is one that `fit` reads."""

from __future__ import annotations

from pathlib import Path

from loadtest.comparison.wide import write_book
from training.reading.book import read_book
from training.reading.customers import Customers
from training.reading.ingest import ingest


def test_the_wide_book_has_200_features_and_no_row_at_fault(tmp_path: Path) -> None:
    book = read_book(write_book(tmp_path))
    people = ingest(book, rejects=tmp_path / "rejects.csv")
    assert people.rejected == 0
    assert Customers.of(book, people.frame).x.shape == (1000, 200)
