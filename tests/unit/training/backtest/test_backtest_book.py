"""`training backtest` prints what a policy would have earned on a book, and refuses with the place and the remedy."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.support.bundles import CONSTANT_MONEY, make_bundle
from training.__main__ import main
from training.backtest.backtest import Backtest

BOOK = """\
[book]
name = "book"
data = "book.csv"
currency = "USD"
period = "{period}"
[lifetime]
tenure = "tenure"
churned = "churned"
horizon = 12
value_horizon = 24
[features]
contract = {{ kind = "category" }}
monthly_charges = {{ kind = "number" }}
paperless = {{ kind = "flag" }}
seats = {{ kind = "number" }}
"""


def write(folder: Path, *, customers: int = 400, period: str = "month") -> Path:
    """A book of customers whom the small bundle can judge."""
    rng = np.random.default_rng(0)
    lines = ["tenure,churned,contract,monthly_charges,paperless,seats,channel"]
    for _ in range(customers):
        left, watched = int(rng.geometric(0.06)), int(rng.integers(1, 40))
        contract = ("Month-to-month", "One year", "Two year")[rng.integers(0, 3)]
        charges, seats = rng.uniform(10, 120), rng.integers(1, 50)
        outcome = "yes" if left <= watched else "no"
        lines.append(f"{min(left, watched)},{outcome},{contract},{charges:.2f},{rng.integers(0, 2)},{seats},partner")
    (folder / "book.csv").write_text("\n".join(lines) + "\n", "utf-8")
    path = folder / "book.toml"
    path.write_text(BOOK.format(period=period) + '[segments]\nchannel = "channel"\n', "utf-8")
    return path


def test_a_book_that_the_bundle_was_not_fitted_on_is_judged_by_the_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "backtest.json"
    bundle = make_bundle(tmp_path / "registry")
    assert main(["backtest", str(bundle), str(write(tmp_path)), "--out", str(out)]) == 0
    tested = msgspec.json.decode(out.read_bytes(), type=Backtest)
    shown = capsys.readouterr().out
    assert "Customers of book.csv, whom the model was not fitted on" in shown
    assert all(rule.name in shown for rule in tested.rules)
    assert [rule.name for rule in tested.rules] == ["default-do-not-chase", "default-review", "default-proceed"]
    assert sum(rule.customers for rule in tested.rules) == tested.customers
    assert all(note["en"][:60] in shown for note in tested.notes)
    assert all(note["ja"] for note in tested.notes)


def test_a_policy_file_takes_the_place_of_the_live_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "draft.toml"
    policy.write_text('[[rules]]\nname = "small-fry"\naction = "do_not_chase"\nall = ["seats < 10"]\n', "utf-8")
    bundle, book = make_bundle(tmp_path / "registry"), write(tmp_path)
    assert main(["backtest", str(bundle), str(book), "--policy", str(policy)]) == 0
    assert "small-fry" in capsys.readouterr().out
    policy.write_text('[[rules]]\nname = "typo"\naction = "review"\nall = ["seat < 10"]\n', "utf-8")
    assert main(["backtest", str(bundle), str(book), "--policy", str(policy)]) == 2
    assert "did you mean 'seats'?" in capsys.readouterr().err


def test_what_cannot_be_tested_is_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "registry")
    assert main(["backtest", str(bundle), str(write(tmp_path, period="week"))]) == 2
    assert "counts in weeks, the bundle in months" in capsys.readouterr().err
    assert main(["backtest", str(bundle), str(write(tmp_path, customers=40))]) == 2
    assert "Fewer than 50 customers whose money is known" in capsys.readouterr().err
    terms = {name: term for name, term in CONSTANT_MONEY.terms.items() if name != "revenue"}
    poor = make_bundle(tmp_path / "poor", money=msgspec.structs.replace(CONSTANT_MONEY, terms=terms))
    assert main(["backtest", str(poor), str(write(tmp_path))]) == 2
    assert "names no revenue, or no gross margin" in capsys.readouterr().err
