"""Data quality: what is wrong with a column, or with two together, is found and said; sound books are left in peace."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.contract import Feature, Kind
from tests.support.books import TENURE, write_book
from training.audit.dataquality import DataQuality, Finding, data_quality
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import Lifetimes, lifetimes
from training.sample import write_telco

N = 600
Columns = dict[str, tuple[Kind, list[object]]]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book that knows of tenures."""
    return read_book(write_book(tmp_path_factory.mktemp("small"), TENURE, ""))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def lives(event: NDArray[np.bool_], last: int = 24) -> Lifetimes:
    none = np.zeros(len(event), dtype=np.int32)
    stays = np.random.default_rng(1).integers(1, last + 1, len(event)).astype(np.int32)
    return Lifetimes(none, stays, event, none.astype(np.bool_))


def look(book: Book, columns: Columns, known: Lifetimes, rejected: int = 0) -> DataQuality:
    frame = pl.DataFrame({name: values for name, (_, values) in columns.items()})
    contract = build_contract(tuple(Feature(name=name, kind=kind) for name, (kind, _) in columns.items()), frame)
    return data_quality(book, contract, frame, encode(contract, frame), known, rejected)


def found(quality: DataQuality, kind: str) -> list[Finding]:
    return [finding for finding in quality.findings if finding.kind == kind]


def some(rng: np.random.Generator, churned: float = 0.4) -> Lifetimes:
    return lives(rng.random(N) < churned)


def test_the_sample_book_has_nothing_wrong_but_the_rows_that_were_rejected(tmp_path: Path) -> None:
    telco = read_book(write_telco(tmp_path))
    people = ingest(telco)
    contract = build_contract(telco.features, people.frame)
    x, known = encode(contract, people.frame), lifetimes(telco, people.frame)
    quality = data_quality(telco, contract, people.frame, x, known, people.rejected)
    assert [finding.kind for finding in quality.findings] == ["rejected"]
    for column in quality.columns:
        assert column.distinct == people.frame[column.feature].n_unique()
        assert column.missing == 0


def test_missing_and_distinct_values_are_counted(book: Book, rng: np.random.Generator) -> None:
    quality = look(book, {"seats": ("number", [None, 2.0, 2.0, 3.0] * (N // 4))}, some(rng))
    (column,) = quality.columns
    assert (column.missing, column.distinct) == (0.25, 2)
    assert column.most_common == pytest.approx(2 / 3)


@pytest.mark.parametrize(("kind", "value"), [("number", 5.0), ("category", "a"), ("flag", True)])
def test_a_feature_with_one_value_is_named(book: Book, rng: np.random.Generator, kind: Kind, value: object) -> None:
    (finding,) = found(look(book, {"x": (kind, [value] * N)}, some(rng)), "single_valued")
    assert finding.features == ("x",)
    assert "take it out of [features]" in finding.en
    assert "x" in finding.ja


def test_a_category_per_customer_is_named_and_pooled_ones_are_counted(book: Book, rng: np.random.Generator) -> None:
    quality = look(
        book,
        {
            "id": ("category", [f"c{i}" for i in range(N)]),
            "town": ("category", [f"t{i % 290}" for i in range(N)]),
        },
        some(rng),
    )
    (per_row,), (pooled,) = found(quality, "category_per_row"), found(quality, "rare_pooled")
    assert per_row.features == ("id",)
    assert (pooled.features, pooled.figures["pooled"], pooled.figures["distinct"]) == (("town",), 290, 290)
    assert quality.findings[0].severity == "warn"


@pytest.mark.parametrize("missing", [594, 600])
def test_a_feature_that_hardly_anybody_has_is_named(book: Book, rng: np.random.Generator, missing: int) -> None:
    values: list[object] = [None] * missing + [float(i) for i in range(N - missing)]
    (finding,) = found(look(book, {"x": ("number", values)}, some(rng)), "mostly_missing")
    assert finding.figures == {"missing": pytest.approx(missing / N), "present": N - missing}


def test_copies_are_named_whatever_they_call_the_parts(book: Book, rng: np.random.Generator) -> None:
    plan = rng.integers(0, 4, N)
    size = rng.normal(size=N)
    size[0] = np.nan
    columns: Columns = {
        "plan": ("category", [f"p{i}" for i in plan]),
        "plan_id": ("number", [float(7 * i % 5) for i in plan]),
        "size": ("number", [None if np.isnan(one) else one for one in size.tolist()]),
        "size_in_cm": ("number", [None if np.isnan(one) else -100 * one for one in size.tolist()]),
        "other_size": ("number", rng.normal(size=N).tolist()),
        "other_plan": ("category", [f"p{i}" for i in rng.integers(0, 4, N)]),
    }
    assert [one.features for one in found(look(book, columns, some(rng)), "copies")] == [
        ("plan", "plan_id"),
        ("size", "size_in_cm"),
    ]


@pytest.mark.parametrize(("counts", "extra"), [("started", 0), ("completed", 1)])
def test_equal_tenures_are_told(book: Book, rng: np.random.Generator, counts: str, extra: int) -> None:
    book = msgspec.structs.replace(book, lifetime=msgspec.structs.replace(book.lifetime, tenure_counts=counts))
    columns: Columns = {"x": ("number", rng.normal(size=N).tolist())}
    four = lives(rng.random(N) < 0.4, last=1)
    four = msgspec.structs.replace(four, exit=4 + extra * four.event.astype(np.int32))
    (finding,) = found(look(book, columns, four), "same_tenure")
    assert (finding.features, finding.figures) == ((), {"periods": 4})
    assert not found(look(book, columns, some(rng)), "same_tenure")


def test_churn_in_one_group_alone_warns_and_a_group_without_churn_is_noted(
    book: Book, rng: np.random.Generator
) -> None:
    group = rng.integers(0, 3, N)
    names: Columns = {"group": ("category", [f"g{i}" for i in group])}
    (only,) = found(look(book, names, lives((group == 1) & (rng.random(N) < 0.5))), "separation")
    (none,) = found(look(book, names, lives((group != 1) & (rng.random(N) < 0.5))), "separation")
    assert (only.severity, none.severity) == ("warn", "note")
    assert "g0, g2" in only.en
    assert none.figures["customers"] == (group == 1).sum()
    assert not found(look(book, names, some(rng)), "separation")
    assert not found(look(book, names, lives((group == 1) & (rng.random(N) < 0.02))), "separation")


def test_a_segment_that_is_no_feature_is_looked_at_too(book: Book, rng: np.random.Generator) -> None:
    with_segments = msgspec.structs.replace(book, segments={"channel": "channel"})
    group = rng.integers(0, 2, N)
    frame = pl.DataFrame({"x": rng.normal(size=N), "channel": [f"c{i}" for i in group]})
    contract = build_contract((Feature(name="x", kind="number"),), frame)
    known = lives((group == 1) & (rng.random(N) < 0.5))
    quality = data_quality(with_segments, contract, frame, encode(contract, frame), known, 3)
    assert [(one.kind, one.features) for one in quality.findings] == [("separation", ("channel",)), ("rejected", ())]
