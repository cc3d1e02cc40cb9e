"""Fitting: settings are chosen, constraints and weights of the book are kept, too small a book is refused."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.bundle import open_bundle
from tests.support.books import DATES, DATES_HEADER, DATES_ROWS, write_book
from training.errors import BookError, DataError
from training.fit import fit
from training.reading.book import read_book, refuse_future

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BOOK = """\
[book]
name = "made"
data = "small.csv"
currency = "JPY"
period = "month"

[lifetime]
tenure = "tenure"
churned = "churned"
horizon = 6
value_horizon = 24

[features]
seats = { kind = "number" }
"""


def rows(n: int, seed: int = 0) -> list[str]:
    """Customers who stay the longer the more seats they have, but for a dip; the first half weigh more."""
    rng = np.random.default_rng(seed)
    seats = rng.uniform(0, 10, n)
    log_odds = -1.0 - 0.3 * seats + 2.0 * (abs(seats - 5) < 1)
    left = rng.geometric(1 / (1 + np.exp(-log_odds)))
    seen = rng.integers(1, 18, n)
    return [
        f"{min(a, b)},{'yes' if a <= b else 'no'},{s:.2f},{3 if i < n // 2 else 1}"
        for i, (a, b, s) in enumerate(zip(left, seen, seats, strict=True))
    ]


def risks(bundle: Path) -> np.ndarray:
    scorer = open_bundle(bundle).scorer
    survival = scorer(np.linspace(0, 10, 50, dtype=np.float32)[:, None]).survival
    return 1 - survival[:, 5]


def test_a_monotone_feature_overrules_what_the_data_say(tmp_path: Path) -> None:
    header = "tenure,churned,seats,weight"
    free = fit(write_book(tmp_path, BOOK, header, *rows(2000)), tmp_path / "free", NOW, replicates=0)
    held = BOOK.replace('"number"', '"number", monotone = "decreasing"')
    bound = fit(write_book(tmp_path, held, header, *rows(2000)), tmp_path / "bound", NOW, replicates=0)
    assert (np.diff(risks(free)) > 0.05).any()
    assert (np.diff(risks(bound)) <= 1e-7).all()


def test_a_weight_counts_as_so_many_customers(tmp_path: Path) -> None:
    header = "tenure,churned,seats,weight"
    lines = rows(600)
    weighted = BOOK.replace("[lifetime]", 'weight = "weight"\n[lifetime]', 1)
    once = fit(write_book(tmp_path, weighted, header, *lines), tmp_path / "weighted", NOW, replicates=0)
    repeated = [line for line in lines for _ in range(int(line[-1]))]
    many = fit(write_book(tmp_path, BOOK, header, *repeated), tmp_path / "repeated", NOW, replicates=0)
    assert open_bundle(once).manifest.base == pytest.approx(open_bundle(many).manifest.base, abs=0.02)


def test_a_weight_must_be_above_zero(tmp_path: Path) -> None:
    weighted = BOOK.replace("[lifetime]", 'weight = "weight"\n[lifetime]', 1)
    book = write_book(tmp_path, weighted, "tenure,churned,seats,weight", *rows(100), "3,yes,4,0", "3,no,4,")
    fit(book, tmp_path / "registry", NOW, replicates=0)
    rejects = (tmp_path / "registry" / "made" / "rejects.csv").read_text("utf-8")
    assert rejects.count("expected a weight above 0") == 2


def test_too_few_churned_customers_are_refused_with_the_figure_that_is_needed(tmp_path: Path) -> None:
    book = write_book(tmp_path, BOOK, "tenure,churned,seats,weight", *["5,no,3,1"] * 50, *["4,yes,2,1"] * 7)
    with pytest.raises(DataError, match="7 customers churned under observation; a model needs at least 20"):
        fit(book, tmp_path / "registry", NOW, replicates=0)


def test_a_day_of_observation_that_has_not_come_anywhere_is_refused(tmp_path: Path) -> None:
    late = DATES.replace("observed_until = 2026-03-31", "observed_until = 2062-03-31")
    with pytest.raises(BookError, match=r"lifetime\.observed_until: expected a day that has come, got 2062-03-31"):
        fit(write_book(tmp_path, late, DATES_HEADER, *DATES_ROWS), tmp_path / "registry", NOW, replicates=0)
    book = read_book(write_book(tmp_path, DATES, DATES_HEADER, *DATES_ROWS))
    refuse_future(book, datetime(2026, 3, 30, 10, tzinfo=UTC))  # midnight in Kiribati
    with pytest.raises(BookError):
        refuse_future(book, datetime(2026, 3, 30, 9, tzinfo=UTC))
