"""Bad books: whatever is wrong with the customers, a fit goes on, or refuses with the reason and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import Bundle, open_bundle
from models.contract import Scalar
from tests.support.books import write_book
from training.errors import DataError
from training.fit import fit

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BOOK = """\
[book]
name = "bad"
data = "small.csv"
currency = "JPY"
period = "month"

[lifetime]
tenure = "tenure"
tenure_counts = "started"
churned = "churned"
horizon = 6
value_horizon = 24

[features]
seats = { kind = "number" }
plan = { kind = "category" }
"""
Row = dict[str, Any]


def customers(n: int = 400) -> list[Row]:
    """Customers who stay the longer the more seats they have."""
    rng = np.random.default_rng(0)
    seats = rng.uniform(0, 10, n)
    left = rng.geometric(1 / (1 + np.exp(1.5 + 0.2 * seats)))
    seen = rng.integers(1, 18, n)
    plan = rng.integers(0, 3, n)
    return [
        {"tenure": min(a, b), "churned": "yes" if a <= b else "no", "seats": round(s, 2), "plan": f"p{p}"}
        for a, b, s, p in zip(left.tolist(), seen.tolist(), seats.tolist(), plan.tolist(), strict=True)
    ]


def fitted(folder: Path, rows: list[Row], features: dict[str, str], book: str = BOOK) -> Bundle:
    lines = (",".join("" if value is None else str(value) for value in row.values()) for row in rows)
    named = "\n".join(f"{name} = {{ {row} }}" for name, row in features.items())
    path = write_book(folder, book + named, ",".join(rows[0]), *lines)
    return open_bundle(fit(path, folder / "registry", NOW, replicates=0))


def test_features_that_say_nothing_new_do_no_harm(tmp_path: Path) -> None:
    added: dict[str, tuple[str, Callable[[int, Row], object]]] = {
        "one_number": ("number", lambda _i, _row: 5),
        "one_category": ("category", lambda _i, _row: "a"),
        "one_flag": ("flag", lambda _i, _row: "yes"),
        "a_category_per_row": ("category", lambda i, _row: f"c{i}"),
        "copy_of_seats": ("number", lambda _i, row: row["seats"]),
        "copy_of_plan": ("category", lambda _i, row: f"plan {row['plan']}"),
        "rare_number": ("number", lambda i, _row: i if i % 100 == 0 else None),
        "rare_category": ("category", lambda i, _row: "a" if i % 100 == 0 else None),
        "rare_flag": ("flag", lambda i, _row: i % 2 if i % 100 == 0 else None),
        "no_number": ("number", lambda _i, _row: None),
        "no_category": ("category", lambda _i, _row: None),
        "no_flag": ("flag", lambda _i, _row: None),
    }
    rows = [row | {name: value(i, row) for name, (_, value) in added.items()} for i, row in enumerate(customers())]
    bundle = fitted(tmp_path, rows, {name: f'kind = "{kind}"' for name, (kind, _) in added.items()})
    contract = bundle.manifest.contract
    alike: dict[str, Scalar] = {"plan": "p1", "one_number": 5}
    few, many = ({**alike, "seats": seats, "copy_of_seats": seats} for seats in (1.0, 9.0))
    survival, points = bundle.scorer(np.stack([contract.encode(few), contract.encode(many), contract.blank()]))[:2]
    assert np.isfinite(survival).all()
    assert np.isfinite(points).all()
    assert survival[0, 5] < survival[1, 5]
    silent = [contract.index[name] for name in added if name.startswith(("one_", "no_"))]
    assert np.abs(points[:, silent]).max() == 0


@pytest.mark.parametrize("counts", ["started", "completed"])
def test_equal_tenures_leave_the_outcome_to_learn_from(tmp_path: Path, counts: str) -> None:
    rng = np.random.default_rng(1)
    rows = [
        row | {"tenure": 4, "churned": "yes" if rng.random() < 0.05 * row["seats"] else "no"} for row in customers()
    ]
    bundle = fitted(tmp_path, rows, {}, BOOK.replace('"started"', f'"{counts}"'))
    survival = bundle.scorer(np.array([[1.0, 0.0], [9.0, 0.0]], dtype=np.float32))[0]
    assert np.isfinite(survival).all()
    assert survival[0, 5] > survival[1, 5]


def test_equal_sign_up_dates_are_no_obstacle(tmp_path: Path) -> None:
    rows = [
        {"start": "2025-01-01", "end": f"2025-{row['tenure'] % 12 + 1:02}-28" if i % 3 == 0 else None, **row}
        for i, row in enumerate(customers())
    ]
    dates = 'start = "start"\nend = "end"\nobserved_until = 2026-03-31\n'
    book = BOOK.replace('tenure = "tenure"\ntenure_counts = "started"\nchurned = "churned"\n', dates)
    assert np.isfinite(fitted(tmp_path, rows, {}, book).scorer(np.zeros((1, 2), dtype=np.float32))[0]).all()


@pytest.mark.parametrize("role", ["feature", "segment"])
def test_churn_in_one_branch_alone_is_learned_once_the_book_says_why(tmp_path: Path, role: str) -> None:
    rows = [
        row | {"branch": "north" if row["churned"] == "yes" or i % 4 == 0 else "south"}
        for i, row in enumerate(customers())
    ]
    reason = {"branch": 'kind = "category", allow_leak = "the south opened last month"'} if role == "feature" else {}
    segments = '[segments]\nbranch = "branch"\n[features]' if role == "segment" else "[features]"
    bundle = fitted(tmp_path, rows, reason, BOOK.replace("[features]", segments))
    contract, prospect = bundle.manifest.contract, dict[str, Scalar](seats=5.0, plan="p1")
    branches = [{"branch": branch} if role == "feature" else {} for branch in ("north", "south")]
    survival = bundle.scorer(np.stack([contract.encode(prospect | branch) for branch in branches]))[0][:, 5]
    assert np.isfinite(survival).all()
    assert (survival[0] < survival[1]) == (role == "feature")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda row: row | {"churned": "no"}, "0 of 400 customers churned; some must have churned and some not"),
        (lambda row: row | {"churned": "yes"}, "400 of 400 customers churned; some must have churned and some not"),
        (lambda row: row | {"tenure": -1}, "expected 0 or more"),
        (lambda row: row | {"seats": "many"}, "expected a number"),
        (lambda row: row | {"seats": "inf"}, "expected a finite number"),
        (lambda row: {name: value for name, value in row.items() if name != "plan"}, "has no column 'plan'"),
    ],
)
def test_a_book_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, change: Callable[[Row], Row], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        fitted(tmp_path, [change(row) for row in customers()], {})
