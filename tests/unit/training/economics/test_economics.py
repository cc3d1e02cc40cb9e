"""Economics: our figures reconcile with the classical formulas where their assumptions hold, and say why elsewhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sksurv.nonparametric import kaplan_meier_estimator

from models.contract import Contract, Feature
from tests.support.simulated import book_of, lives_of
from training.economics.economics import MONEY_FIELDS, Economics, economics
from training.economics.segments import LEAST, ROWS, kaplan_meier_band
from training.economics.sensitivity import POINT, lower_hazards
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.lifetimes import Lifetimes
from training.simulate import simulate

N = 4000
BOOK = """\
[book]
name = "b"
data = "b.csv"
currency = "USD"
period = "month"
{weight}
[lifetime]
tenure = "tenure"
churned = "churned"
horizon = 12
value_horizon = {periods}
[value]
{value}
[features]
charges = {{ kind = "number" }}
[segments]
channel = "channel"
"""
REVENUE = 'revenue = "charges"\ngross_margin = 0.6\ncost_to_serve = 5.0\nacquisition_spent = 50.0\nclosing_cost = 100.0'
CONTRACT = Contract((Feature(name="charges", kind="number"),))


def book(folder: Path, value: str = REVENUE, periods: int = 60, weight: str = "") -> Book:
    path = folder / "b.toml"
    path.write_text(BOOK.format(value=value, periods=periods, weight=weight), "utf-8")
    return read_book(path)


def customers(n: int = N, seed: int = 0) -> tuple[pl.DataFrame, NDArray[np.float32], Lifetimes]:
    """Customers of four channels whose hazard is the same, censored at random."""
    rng = np.random.default_rng(seed)
    leaves, censored = rng.geometric(0.05, n), rng.integers(1, 80, n)
    charges = rng.uniform(20, 100, n).round(2)
    names = np.array(["web", "shop", "fair", None])
    frame = pl.DataFrame({"charges": charges, "channel": pl.Series(names[rng.choice(4, n, p=(0.5, 0.3, 0.1, 0.1))])})
    last = np.minimum(leaves, censored).astype(np.int32)
    zero = np.zeros(n, np.int32)
    return frame, charges.astype(np.float32)[:, None], Lifetimes(zero, last, leaves <= censored, zero.astype(bool))


def constant(hazard: float, n: int, periods: int) -> NDArray[np.float64]:
    return np.tile((1.0 - hazard) ** np.arange(1, periods + 1), (n, 1))


def found(money: Book, seed: int = 0, hazard: float = 0.05) -> Economics:
    frame, x, lives = customers(seed=seed)
    return economics(money, CONTRACT, frame, x, lives, constant(hazard, N, money.periods))


def amounts(economy: Economics) -> dict[str, float | None]:
    return {formula.key: formula.value for formula in economy.formulas}


@pytest.mark.parametrize(("rate", "twin"), [(0.0, "margin_over_churn"), (0.1, "discounted_margin")])
def test_with_constant_churn_and_no_end_our_pltv_is_the_classical_one(tmp_path: Path, rate: float, twin: str) -> None:
    money = book(tmp_path, f"{REVENUE}\nannual_discount_rate = {rate}", periods=1000)
    _, _, lives = customers()
    churn = lives.event.sum() / lives.exit.sum()
    economy = found(money, hazard=churn)
    assert amounts(economy)["pltv"] == pytest.approx(amounts(economy)[twin], rel=1e-6)
    assert economy.mean_pltv == amounts(economy)["pltv"]


def test_every_classical_formula_says_in_both_languages_why_it_differs(tmp_path: Path) -> None:
    for formula in found(book(tmp_path)).formulas:
        assert set(formula.name) == set(formula.formula) == set(formula.why) == {"en", "ja"}
        assert all(formula.name.values())
        assert all(bool(sentence) != formula.ours for sentence in formula.why.values())
        assert (formula.mark == 3.0) == (formula.unit == "ratio")


def test_each_cost_taken_off_lowers_the_classical_value(tmp_path: Path) -> None:
    value = amounts(found(book(tmp_path)))
    names = ("revenue_over_churn", "gross_profit_over_churn", "margin_over_churn", "margin_net_of_cac")
    revenue, profit, margin, net = (value[name] or 0.0 for name in names)
    assert revenue * 0.6 == pytest.approx(profit)
    assert margin - net == pytest.approx(150.0)
    assert revenue > profit > margin > net
    assert value["ltv_to_cac"] == pytest.approx(margin / 150.0)


def test_a_book_of_orders_has_the_formula_of_orders(tmp_path: Path) -> None:
    orders = 'order_value = "charges"\norders_per_period = 0.5\ngross_margin = 0.5'
    frame, _, lives = customers()
    value = amounts(found(book(tmp_path, orders)))
    years = lives.exit.sum() / lives.event.sum() / 12
    assert value["orders"] == pytest.approx(frame["charges"].mean() * 6 * years, rel=1e-6)  # type: ignore[operator]
    assert value["orders_net"] == pytest.approx((value["orders"] or 0.0) / 2)
    assert value["ltv_to_cac"] is None
    assert "orders" not in amounts(found(book(tmp_path)))


def test_unknown_money_is_absent_for_a_reason_while_retention_is_told(tmp_path: Path) -> None:
    economy = found(book(tmp_path, "closing_cost = 100.0"))
    assert economy.absent.keys() == set(MONEY_FIELDS)
    assert (economy.mean_pltv, economy.formulas, economy.sensitivities) == (None, (), ())
    [table] = economy.segments
    assert all(row.mean_pltv is None and row.ltv_minus_share is None for row in table.rows)
    assert all(row.retention.observed[0] is not None for row in table.rows)


def test_no_cost_leaves_the_ratio_absent(tmp_path: Path) -> None:
    economy = found(book(tmp_path, "revenue = 10.0\ngross_margin = 0.5"))
    assert economy.pltv_to_cpa is None
    assert set(economy.absent) == {"pltv_to_cpa"}


def test_segments_add_up_to_the_book(tmp_path: Path) -> None:
    economy = found(book(tmp_path))
    [table] = economy.segments
    assert {row.value for row in table.rows} == {"web", "shop", "fair", ""}
    assert sum(row.customers for row in table.rows) == economy.customers == N
    weighed = sum(row.customers * (row.mean_pltv or 0.0) for row in table.rows) / N
    assert weighed == pytest.approx(economy.mean_pltv)
    assert [row.customers for row in table.rows] == sorted((row.customers for row in table.rows), reverse=True)


def test_many_values_are_bounded_and_the_small_ones_pooled(tmp_path: Path) -> None:
    frame, x, lives = customers()
    codes = np.where(np.arange(N) < 40 * LEAST, np.arange(N) // LEAST, np.arange(N))
    frame = frame.with_columns(channel=pl.Series(codes).cast(pl.String))
    [table] = economics(book(tmp_path), CONTRACT, frame, x, lives, constant(0.05, N, 60)).segments
    assert len(table.rows) == ROWS + 1
    assert [row.pooled for row in table.rows] == [0] * ROWS + [10 + N - 40 * LEAST]
    assert all(row.customers == LEAST for row in table.rows[:-1])


def test_retention_and_its_band_agree_with_scikit_survival() -> None:
    _, _, lives = customers(600)
    group = np.arange(600) % 2
    ours = kaplan_meier_band(group, 2, lives, np.ones(600), 60)
    for g in (0, 1):
        part = lives.take(group == g)
        times, stays, band = kaplan_meier_estimator(part.event, part.exit, conf_type="log-log")
        inside = (times <= 60) & (stays < 1) & (stays > 0)
        for mine, theirs in zip(ours[:, g], (stays, *band), strict=True):
            np.testing.assert_allclose(mine[times[inside] - 1], theirs[inside], rtol=1e-6)


def test_late_entry_counts_only_from_then_on() -> None:
    _, _, lives = customers(600)
    entry = np.minimum(lives.exit - 1, np.arange(600) % 7).astype(np.int32)
    late = msgspec.structs.replace(lives, entry=entry)
    times, stays = kaplan_meier_estimator(late.event, late.exit, time_enter=late.entry)
    ours = kaplan_meier_band(np.zeros(600, np.int64), 1, late, np.ones(600), 40)[0, 0]
    inside = (times >= 1) & (times <= 40)
    np.testing.assert_allclose(ours[times[inside] - 1], stays[inside], rtol=1e-6)


def test_a_row_that_stands_for_two_counts_as_two_rows(tmp_path: Path) -> None:
    frame, x, lives = customers(500)
    double = np.arange(500) % 3 == 0
    rows = np.repeat(np.arange(500), np.where(double, 2, 1))
    weighed = economics(
        book(tmp_path, weight='weight = "times"'),
        CONTRACT,
        frame.with_columns(times=pl.Series(np.where(double, 2.0, 1.0))),
        x,
        lives,
        constant(0.05, 500, 60),
    )
    repeated = economics(
        book(tmp_path), CONTRACT, frame[rows], x[rows], lives.take(rows), constant(0.05, len(rows), 60)
    )
    assert weighed.customers == repeated.customers
    assert amounts(weighed) == pytest.approx(amounts(repeated))
    for one, other in zip(weighed.segments[0].rows, repeated.segments[0].rows, strict=True):
        assert one.retention.observed == other.retention.observed


@given(st.lists(st.floats(0.05, 0.95), min_size=1, max_size=50))
def test_hazards_are_lowered_until_churn_is_a_point_less(stays: list[float]) -> None:
    curve = np.array(stays)
    times = lower_hazards(curve, np.ones(len(curve)))
    assert times is not None
    assert (1 - curve).mean() - (1 - curve**times).mean() == pytest.approx(POINT, abs=1e-6)


def test_where_less_than_a_point_churns_there_is_no_point_to_gain(tmp_path: Path) -> None:
    economy = found(book(tmp_path), hazard=0.0001)
    assert [moved.of for moved in economy.sensitivities] == ["discount", "gross_margin"]
    assert "sensitivities.churn" in economy.absent


def test_a_point_is_worth_what_the_value_gains_by_it(tmp_path: Path) -> None:
    richer = found(book(tmp_path, REVENUE.replace("0.6", "0.61"))).mean_pltv or 0.0
    dearer = found(book(tmp_path, f"{REVENUE}\ndiscount = 0.01")).mean_pltv or 0.0
    economy = found(book(tmp_path))
    now = economy.mean_pltv or 0.0
    worth = {moved.of: moved.per_customer for moved in economy.sensitivities}
    assert worth["gross_margin"] == pytest.approx(richer - now)
    assert worth["discount"] == pytest.approx(dearer - now)
    assert worth["churn"] > 0
    assert all(moved.book == pytest.approx(N * moved.per_customer) for moved in economy.sensitivities)


def test_on_the_simulated_book_the_true_curves_give_the_true_value() -> None:
    simulated = simulate(3000, 2)
    known = book_of(simulated)
    contract = build_contract(known.features, simulated.frame)
    x = encode(contract, simulated.frame)
    economy = economics(known, contract, simulated.frame, x, lives_of(simulated), simulated.survival)
    assert economy.mean_pltv == pytest.approx(simulated.truth["pltv"].mean(), rel=1e-5)
    assert economy.mean_net_value == pytest.approx(simulated.truth["net_value"].mean(), rel=1e-5)
    assert [table.name for table in economy.segments] == ["channel", "campaign", "rep", "product"]
    channels = {row.value: row for row in economy.segments[0].rows}
    for name, row in channels.items():
        here = (simulated.frame["channel"] == name).to_numpy()
        assert row.mean_pltv == pytest.approx(simulated.truth["pltv"].to_numpy()[here].mean(), rel=1e-5)
        low, high = row.retention.low[11] or 1.0, row.retention.high[11] or 0.0
        assert low - 0.02 < (row.retention.predicted[11] or 0.0) < high + 0.02
    assert msgspec.json.decode(msgspec.json.encode(economy), type=Economics) == economy
