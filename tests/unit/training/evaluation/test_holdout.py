"""Customers are judged by models that have not seen them, and that knew what was known at the time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from training.evaluation import splits
from training.evaluation.holdout import hold_out
from training.evaluation.splits import split
from training.model.hazard import AdditiveHazardClassifier
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import completed_periods, lifetimes, structured
from training.simulate import simulate, write_simulated
from training.simulator.scenario import Scenario

ESTIMATOR = AdditiveHazardClassifier(horizon=12, periods=60, max_iter=5)


def read(path: Path) -> tuple[Book, pl.DataFrame]:
    book = read_book(path)
    return book, ingest(book).frame


@pytest.fixture(scope="module")
def saas(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, pl.DataFrame]:
    return read(write_simulated(tmp_path_factory.mktemp("saas"), simulate(4000, 0)))


def test_a_book_with_dates_is_split_by_sign_up_and_no_model_knows_what_came_later(
    saas: tuple[Book, pl.DataFrame],
) -> None:
    book, frame = saas
    lives = lifetimes(book, frame)
    plan = split(book, frame, lives)
    assert (plan.split, plan.note, len(plan.parts)) == ("sign-up time", "", 4)
    start, left = frame["signed_up"].to_numpy(), frame["left"].to_numpy()
    for part in plan.parts:
        cut = np.datetime64(part.name[:10])
        assert start[part.train].max() < cut <= start[part.test].min()
        assert (left[part.train[part.known.event]] < cut).all()
        assert not (left[part.train[~part.known.event]] < cut).any()
        day = part.name[:10]
        followed = completed_periods(frame["signed_up"].gather(part.train), dt.date.fromisoformat(day), "month")
        assert (part.known.exit <= followed + part.known.event).all()
    judged = np.concatenate([part.test for part in plan.parts])
    assert len(np.unique(judged)) == len(judged)
    assert (completed_periods(frame["signed_up"].gather(judged), dt.date(2026, 3, 31), "month") >= 12).all()


def test_a_book_that_holds_survivors_alone_is_split_by_sign_up_too(tmp_path: Path) -> None:
    scenario = Scenario(observed_from=dt.date(2022, 3, 31))
    book, frame = read(write_simulated(tmp_path, simulate(6000, 1, scenario)))
    lives = lifetimes(book, frame)
    plan = split(book, frame, lives)
    assert plan.split == "sign-up time"
    for part in plan.parts:
        assert (part.known.entry > 0).any()
        assert (lives.entry[part.test] == 0).all()
        assert part.name[:10] >= "2023-03-31"


def test_too_short_a_history_is_split_by_customer_and_says_so(saas: tuple[Book, pl.DataFrame]) -> None:
    book, frame = saas
    recent = frame.filter(pl.col("signed_up") > dt.date(2024, 9, 30))
    plan = split(book, recent, lifetimes(book, recent))
    assert plan.split == "customer"
    assert plan.note.startswith("too short a history to split by sign-up time")


def test_without_dates_every_customer_is_judged_once_by_a_model_that_has_not_seen_it(telco_book: Path) -> None:
    book, frame = read(telco_book)
    lives = lifetimes(book, frame)
    contract = build_contract(book.features, frame)
    x = encode(contract, frame)
    shares: list[float] = []
    held_out = hold_out(book, ESTIMATOR, frame, x, lives, progress=shares.append)
    assert sorted(held_out.rows) == list(range(7032))
    assert (held_out.split, held_out.followed, shares[-1]) == ("customer", None, 1.0)
    assert held_out.survival.shape == (7032, 60)
    assert (held_out.lives.exit == lives.exit[held_out.rows]).all()
    one = split(book, frame, lives).parts[2]
    assert not np.isin(one.test, one.train).any()
    events = [lives.event[part.test].mean() for part in split(book, frame, lives).parts]
    assert events == pytest.approx([lives.event.mean()] * 5, abs=1e-3)


def test_a_cohort_is_judged_as_a_model_fitted_on_its_eve_judges_it(saas: tuple[Book, pl.DataFrame]) -> None:
    book, frame = saas
    x = encode(build_contract(book.features, frame), frame)
    held_out = hold_out(book, ESTIMATOR, frame, x, lifetimes(book, frame))
    day = dt.date.fromisoformat(held_out.cohorts[0][:10])
    then = msgspec.structs.replace(book, lifetime=msgspec.structs.replace(book.lifetime, observed_until=day))
    known = frame.filter(pl.col("signed_up") < day).with_columns(pl.when(pl.col("left") < day).then(pl.col("left")))
    lives = lifetimes(then, known)
    seen = (frame["signed_up"] < day).to_numpy()
    model = ESTIMATOR.fit(x[seen][lives.observed], structured(lives.take(lives.observed)))
    first = held_out.take(held_out.cohort == 0)
    assert first.survival == pytest.approx(model.predict_survival_function(x[first.rows]))
    assert first.followed is not None
    assert first.followed.min() >= 12


def test_a_large_book_is_sampled(saas: tuple[Book, pl.DataFrame]) -> None:
    book, frame = saas
    lives = lifetimes(book, frame)
    plan = split(book, frame, lives, customers=1000)
    assert max(len(part.train) for part in plan.parts) == 1000
    assert sum(len(part.test) for part in plan.parts) == 1000
    assert [part.test.tolist() for part in plan.parts] == [
        part.test.tolist() for part in split(book, frame, lives, customers=1000).parts
    ]


def test_hardly_any_churner_still_gives_folds(saas: tuple[Book, pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    book, frame = saas
    monkeypatch.setattr(splits, "COHORT", 10_000)
    few = frame.filter(pl.col("left").is_null() | (pl.int_range(pl.len()) < 8))
    plan = split(book, few, lifetimes(book, few))
    assert (plan.split, len(plan.parts)) == ("customer", 5)
