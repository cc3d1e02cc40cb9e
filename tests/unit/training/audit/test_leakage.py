"""The leak guard: what only time tells stops, snapshots and drift warn, what a lead has passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.contract import Contract, Feature, Kind
from tests.support.books import TENURE, write_book
from training.audit.leakage import Leaks, check_leaks, refuse_leaks
from training.errors import BookError, DataError
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import Lifetimes, lifetimes
from training.sample import write_telco
from training.simulate import simulate, write_simulated
from training.simulator.scenario import Scenario


def leaks_of(path: Path, *more: str) -> tuple[Leaks, Book]:
    """The verdicts on a book with `more` rows of [features]."""
    path.write_text(path.read_text("utf-8").replace("[protected]", "\n".join((*more, "[protected]")), 1), "utf-8")
    book = read_book(path)
    frame = ingest(book).frame
    contract = build_contract(book.features, frame)
    return check_leaks(book, frame, contract, encode(contract, frame), lifetimes(book, frame)), book


def verdicts(leaks: Leaks) -> dict[str, str]:
    return {row.feature: row.verdict for row in leaks.features if row.verdict != "ok"}


def fired(leaks: Leaks, feature: str) -> set[str]:
    return {one.test for row in leaks.features if row.feature == feature for one in row.evidence}


TOTAL = 'total_charges = { kind = "number" }'


def test_total_charges_stop_and_the_snapshots_of_the_sample_only_warn(tmp_path: Path) -> None:
    leaks, book = leaks_of(write_telco(tmp_path), TOTAL)
    found = verdicts(leaks)
    assert {name for name, verdict in found.items() if verdict == "stop"} == {"total_charges"}
    assert found["contract"] == "warn"
    assert {"accumulates", "predicts_alone", "name"} == fired(leaks, "total_charges")
    assert fired(leaks, "contract") == {"snapshot"}
    with pytest.raises(
        DataError, match=r"total_charges .*correlation 0\.87 .*Take it out of \[features\].*allow_leak ="
    ):
        refuse_leaks(leaks, book)


def test_what_adds_up_stops_by_its_numbers_even_under_a_harmless_name(tmp_path: Path) -> None:
    path = write_telco(tmp_path)
    data = tmp_path / "telco.csv"
    data.write_text(data.read_text("utf-8").replace("total_charges", "amount", 1), "utf-8")
    assert verdicts(leaks_of(path, TOTAL.replace("total_charges", "amount"))[0])["amount"] == "stop"


def test_a_leak_passes_for_a_reason_and_a_reason_must_have_words(tmp_path: Path) -> None:
    leaks, book = leaks_of(write_telco(tmp_path), TOTAL.replace("}", ', allow_leak = "billed before signing" }'))
    assert verdicts(leaks)["total_charges"] == "allowed"
    assert next(row.reason for row in leaks.features if row.feature == "total_charges") == "billed before signing"
    refuse_leaks(leaks, book)
    with pytest.raises(BookError, match=r"features\.total_charges\.allow_leak: expected the reason"):
        leaks_of(write_telco(tmp_path), TOTAL.replace("}", ', allow_leak = " " }'))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("drift", [False, True])
def test_an_honest_book_passes_but_for_campaigns_that_drift(tmp_path: Path, seed: int, *, drift: bool) -> None:
    leaks, book = leaks_of(write_simulated(tmp_path, simulate(8000, seed, Scenario(drift=drift))))
    assert verdicts(leaks) == {"campaign": "warn"}
    assert fired(leaks, "campaign") == {"drifts"}
    refuse_leaks(leaks, book)


@pytest.mark.parametrize("customers", [300, 8000])
def test_planted_leaks_stop_in_small_books_as_in_large_ones(tmp_path: Path, customers: int) -> None:
    leaks, _ = leaks_of(write_simulated(tmp_path, simulate(customers, 0, Scenario(leak=True))))
    assert {name for name, verdict in verdicts(leaks).items() if verdict == "stop"} == {"logins_total", "left_why"}
    assert "one_sided" in fired(leaks, "left_why")


def test_an_answer_that_only_those_can_give_who_stayed_stops_as_known_later(tmp_path: Path) -> None:
    leaks, _ = leaks_of(write_simulated(tmp_path, simulate(8000, 0)), 'nps = { kind = "number" }')
    assert verdicts(leaks)["nps"] == "stop"
    assert fired(leaks, "nps") == {"known_later"}


def test_a_name_alone_only_warns(tmp_path: Path) -> None:
    path = write_simulated(tmp_path, simulate(2000, 0))
    path.write_text(path.read_text("utf-8").replace('en = "Seats"', 'en = "Total seats"'), "utf-8")
    leaks, book = leaks_of(path)
    assert verdicts(leaks)["seats"] == "warn"
    assert fired(leaks, "seats") == {"name"}
    refuse_leaks(leaks, book)


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book with a horizon of 12 periods and no dates."""
    return read_book(write_book(tmp_path_factory.mktemp("small"), TENURE, ""))


def random_lives(n: int, seed: int, churned: float = 0.4) -> Lifetimes:
    rng = np.random.default_rng(seed)
    stays, none = rng.integers(1, 30, n).astype(np.int32), np.zeros(n, dtype=np.int32)
    return Lifetimes(none, stays, rng.random(n) < churned, none.astype(np.bool_))


def check_one(book: Book, feature: Feature, column: NDArray[np.floating], lives: Lifetimes) -> Leaks:
    return check_leaks(book, pl.DataFrame(), Contract((feature,)), column[:, None].astype(np.float32), lives)


@pytest.mark.parametrize(
    ("name", "label", "speaks"),
    [
        *((name, "", True) for name in ("left_why", "churnReason", "cancelled", "end_date", "logins_total")),
        *((name, "", False) for name in ("leftover", "totality", "calendar", "excited", "trend", "seats")),
        ("x1", "累計ログイン数", True),
        ("x1", "従業員数", False),
    ],
)
def test_names_and_labels_are_read_word_by_word(small_book: Book, name: str, label: str, *, speaks: bool) -> None:
    feature = Feature(name=name, kind="number", label={"ja": label} if label else {})
    noise = np.random.default_rng(0).normal(size=200)
    assert ("name" in fired(check_one(small_book, feature, noise, random_lives(200, 1)), name)) == speaks


@settings(max_examples=60, deadline=None)
@given(
    n=st.sampled_from([40, 300, 3000]),
    churned=st.floats(0.05, 0.95),
    categories=st.integers(0, 200),
    missing=st.floats(0, 1),
    seed=st.integers(0, 10_000),
)
def test_noise_of_any_shape_is_never_accused(
    small_book: Book, n: int, churned: float, categories: int, missing: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kind: Kind = "category" if categories else "number"
    column = rng.integers(0, categories, n).astype(np.float64) if categories else rng.normal(size=n)
    column[rng.random(n) < missing] = np.nan
    lives = random_lives(n, seed + 1, churned)
    assert check_one(small_book, Feature(name="noise", kind=kind), column, lives).features[0].verdict == "ok"


def test_a_plain_yes_or_no_book_is_guarded_by_the_outcome_alone(small_book: Book) -> None:
    rng = np.random.default_rng(3)
    once, none = np.ones(600, dtype=np.int32), np.zeros(600, dtype=np.int32)
    lives = Lifetimes(none, once, rng.random(600) < 0.3, none.astype(np.bool_))
    told = lives.event + rng.normal(scale=0.2, size=600)
    assert check_one(small_book, Feature(name="balance", kind="number"), told, lives).features[0].verdict == "stop"
    faint = lives.event + rng.normal(scale=2.0, size=600)
    assert check_one(small_book, Feature(name="balance", kind="number"), faint, lives).features[0].verdict == "ok"


def test_churn_in_one_category_alone_stops_and_in_most_of_them_warns(small_book: Book) -> None:
    lives, rng = random_lives(600, 6), np.random.default_rng(7)
    branch = Feature(name="branch", kind="category", categories=("a", "b", "c", "d"))
    for groups, verdict in ((4, "stop"), (1.2, "warn"), (1, "ok")):
        group = np.where(lives.event, 0, (rng.random(600) * groups).astype(int) > 0)
        assert check_one(small_book, branch, group, lives).features[0].verdict == verdict, groups
