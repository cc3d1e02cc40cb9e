"""Columns encode to what the contract gives row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from models.contract import Contract, Feature, normalize
from training.model.bins import MAX_CATEGORIES
from training.reading.clean import AS_OF
from training.reading.encode import FEWEST, build_contract, encode

FEATURES = (
    Feature(name="size", kind="number"),
    Feature(name="plan", kind="category"),
    Feature(name="auto", kind="flag"),
)
Customer = tuple[float | None, str | None, bool | None]
SCHEMA = {"size": pl.Float64, "plan": pl.String, "auto": pl.Boolean}

sizes = st.none() | st.floats(-3e38, 3e38, allow_subnormal=True) | st.integers(-(2**60), 2**60).map(float)
plans = st.none() | st.text(max_size=4).map(normalize).map(lambda text: text or None)
rows = st.lists(st.tuples(sizes, plans, st.none() | st.booleans()), max_size=30)


def frame_of(customers: Sequence[Customer]) -> pl.DataFrame:
    return pl.DataFrame(customers, schema=SCHEMA, orient="row")


@given(seen=rows, new=rows)
def test_columns_encode_to_what_the_contract_gives_row_by_row(
    seen: Sequence[Customer], new: Sequence[Customer]
) -> None:
    contract = build_contract(FEATURES, frame_of(seen))
    expected = [contract.encode(row) for row in frame_of(new).to_dicts()]
    x = encode(contract, frame_of(new))
    assert x.dtype == np.float32
    assert x.shape == (len(new), 3)
    np.testing.assert_array_equal(x, np.array(expected, dtype=np.float32).reshape(-1, 3))


@given(customers=rows, seed=st.randoms())
def test_the_contract_does_not_depend_on_the_order_of_customers(customers: Sequence[Customer], seed: Random) -> None:
    shuffled = list(customers)
    seed.shuffle(shuffled)
    assert build_contract(FEATURES, frame_of(shuffled)) == build_contract(FEATURES, frame_of(customers))


def test_the_contract_records_categories_bounds_and_what_was_missing() -> None:
    contract = build_contract(FEATURES, frame_of([(0.1, "b", True), (None, "a", None), (2.0, "b", False)] * 5))
    assert contract == Contract(
        (
            Feature(name="size", kind="number", low=float(np.float32(0.1)), high=2.0, missing_seen=True),
            Feature(name="plan", kind="category", categories=("a", "b")),
            Feature(name="auto", kind="flag", missing_seen=True),
        )
    )


def test_of_too_many_categories_the_rarest_share_a_code_and_one_never_seen_is_unknown() -> None:
    plans = [f"p{i:04d}" for i in range(3000)]
    customers = [(0.0, plan, True) for plan in [*plans * FEWEST, *plans[-(MAX_CATEGORIES - 1) :]]]
    contract = build_contract(FEATURES, frame_of(customers))
    plan = contract.features[1]
    assert plan.categories == tuple(plans[-(MAX_CATEGORIES - 1) :])
    assert plan.rare == tuple(plans[: -(MAX_CATEGORIES - 1)])
    asked = [(0.0, "p0000", True), (0.0, "p0001", True), (0.0, plans[-1], True), (0.0, "new", True)]
    codes = encode(contract, frame_of(asked))[:, 1].tolist()
    assert codes == [MAX_CATEGORIES - 1, MAX_CATEGORIES - 1, MAX_CATEGORIES - 2, -1]
    assert [contract.encode({"plan": name})[1] for _, name, _ in asked] == codes
    assert contract.raw(1, codes[0]) == "(rare)"


def test_categories_of_few_customers_share_a_code_but_a_single_one_keeps_its_own() -> None:
    many = [(0.0, "a", True)] * 20 + [(0.0, "b", True)] * FEWEST
    shared = build_contract(FEATURES, frame_of([*many, *[(0.0, name, True) for name in "xyyz"]])).features[1]
    assert (shared.categories, shared.rare) == (("a", "b"), ("x", "y", "z"))
    alone = build_contract(FEATURES, frame_of([*many, (0.0, "x", True)])).features[1]
    assert (alone.categories, alone.rare) == (("a", "b", "x"), ())


def test_a_number_that_no_customer_has_has_no_bounds() -> None:
    feature = build_contract(FEATURES, frame_of([(None, "a", True)])).features[0]
    assert (feature.low, feature.high, feature.missing_seen) == (None, None, True)
    assert math.isnan(encode(Contract((feature,)), frame_of([(None, "a", True)]))[0, 0])


FOUNDED = (Feature(name="founded", kind="date", label={"en": "Founded"}), Feature(name="auto", kind="flag"))
Dated = tuple[date | None, bool | None, date]

today = st.dates(date(2000, 1, 1), date(2030, 12, 31))
dated = st.lists(st.tuples(st.none() | st.dates() | today, st.none() | st.booleans(), today), max_size=30)


def dated_frame(customers: Sequence[Dated]) -> pl.DataFrame:
    schema = {"founded": pl.Date, "auto": pl.Boolean, AS_OF: pl.Date}
    return pl.DataFrame(customers, schema=schema, orient="row")


@given(seen=dated, new=dated, aged=st.booleans())
def test_dates_encode_to_what_the_contract_gives_row_by_row_on_the_day_of_each(
    seen: Sequence[Dated],
    new: Sequence[Dated],
    aged: bool,  # noqa: FBT001
) -> None:
    known = dated_frame(seen)
    contract = build_contract(FOUNDED, known if aged else known.drop(AS_OF))
    assert len(contract.features) == 3 + aged
    rows = [
        contract.as_of(
            contract.encode({"founded": founded.isoformat() if founded else None, "auto": auto})[None, :], day
        )
        for founded, auto, day in new
    ]
    x = encode(contract, dated_frame(new))
    np.testing.assert_array_equal(x, np.array(rows, dtype=np.float32).reshape(x.shape))


def test_a_date_becomes_its_parts_with_the_categories_and_bounds_that_the_customers_show() -> None:
    day = date(2026, 2, 1)
    late = (day + timedelta(30), True, day)
    customers = [(date(2025, 12, 1), True, day), (date(2026, 1, 25), True, day), (date(2026, 2, 2), True, day), late]
    common = {"label": {"en": "Founded"}, "source": "founded", "missing_seen": True}
    assert build_contract(FOUNDED, dated_frame(customers)).features[:3] == tuple(
        Feature(name=f"founded.{part}", part=part, **common, **more)  # type: ignore[arg-type]
        for part, more in (
            ("month", {"kind": "category", "categories": ("1", "2", "12")}),
            ("weekday", {"kind": "category", "categories": ("Mon", "Sun")}),
            ("age", {"kind": "number", "unit": "days", "low": 0.0, "high": 62.0}),
        )
    )
