"""Value, held against a slow reference written from the formulas, one prospect and one period at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.contract import Contract, Feature
from models.errors import MoneyError
from models.money import Money, MoneyTerms, Segment
from models.value import CAUSES, PERIODS_PER_YEAR, Z80, Value, interval, value

PERIODS = 24


def reference(survival: list[float], money: dict[str, float], period: str, supported: int) -> dict[str, object]:
    """Design section 4, word by word."""
    big_t = len(survival)
    p = PERIODS_PER_YEAR[period]
    before = [1.0, *survival]  # before[t - 1] = S(t - 1)
    m = [
        (money["revenue"] * (1 - money["discount"]) * money["gross_margin"] - money["cost_to_serve"])
        * (1 + money["annual_discount_rate"]) ** (-(t - 1) / p)
        for t in range(1, big_t + 1)
    ]
    pltv = sum(before[t - 1] * m[t - 1] for t in range(1, big_t + 1))
    net = pltv - money["closing_cost"]
    cpa = money["acquisition_spent"] + money["closing_cost"]
    paid = [sum(m[:t]) for t in range(1, big_t + 1)]
    break_even = next((t for t in range(1, big_t + 1) if paid[t - 1] >= money["closing_cost"]), None)
    # L, the number of periods paid: t when the customer survives t - 1 periods and not t; truncated at T.
    chance = [before[t - 1] - before[t] if t < big_t else before[t - 1] for t in range(1, big_t + 1)]
    loss = sum(c for c, total in zip(chance, paid, strict=True) if total < money["closing_cost"])
    return {
        "pltv": pltv,
        "net_value": net,
        "pltv_to_cpa": pltv / cpa if cpa else None,
        "break_even": break_even,
        "loss_probability": loss,
        "ltv_minus": net < 0,
        "beyond": sum(before[t - 1] * m[t - 1] for t in range(supported + 1, big_t + 1)),
    }


hazards = arrays(np.float64, PERIODS, elements=st.floats(0.0, 0.5))
money_terms = st.fixed_dictionaries(
    {
        "revenue": st.floats(0, 1e5),
        "discount": st.floats(0, 1),
        "gross_margin": st.floats(-0.5, 1),
        "cost_to_serve": st.floats(0, 1e4),
        "acquisition_spent": st.just(0.0) | st.floats(1, 1e5),
        "closing_cost": st.just(0.0) | st.floats(1, 1e5),
        "annual_discount_rate": st.floats(0, 1),
    }
)


@given(hazards, money_terms, st.sampled_from(sorted(PERIODS_PER_YEAR)), st.integers(0, PERIODS), st.booleans())
def test_value_agrees_with_the_formulas(
    hazard: np.ndarray,
    terms: dict[str, float],
    period: str,
    supported: int,
    per_prospect: bool,  # noqa: FBT001
) -> None:
    survival = np.cumprod(1 - hazard)
    columns = {name: np.array([term]) if per_prospect else term for name, term in terms.items()}
    money = Money(order_value=math.nan, orders_per_period=math.nan, **columns)
    found = value(survival[None, :], money, period, supported)
    expected = reference(survival.tolist(), terms, period, supported)

    assert found.known.all()
    assert found.pltv[0] == pytest.approx(expected["pltv"], rel=1e-9, abs=1e-6)
    assert found.net_value[0] == pytest.approx(expected["net_value"], rel=1e-9, abs=1e-6)
    if expected["pltv_to_cpa"] is None:
        assert math.isnan(found.pltv_to_cpa[0])
    else:
        assert found.pltv_to_cpa[0] == pytest.approx(expected["pltv_to_cpa"], rel=1e-9, abs=1e-9)
    margin = terms["revenue"] * (1 - terms["discount"]) * terms["gross_margin"] - terms["cost_to_serve"]
    on_the_edge = abs(margin * PERIODS) > 0 and any(
        math.isclose(margin * k, terms["closing_cost"], rel_tol=1e-6) for k in np.linspace(0, PERIODS, 4 * PERIODS)
    )
    if not on_the_edge:  # there the order of two float additions decides
        assert (found.break_even[0] or None) == expected["break_even"]
        assert found.loss_probability[0] == pytest.approx(expected["loss_probability"], abs=1e-9)
    if abs(expected["net_value"]) > 1e-6:  # type: ignore[arg-type]
        assert found.ltv_minus[0] == expected["ltv_minus"]
    if abs(expected["pltv"]) > 1e-3:  # type: ignore[arg-type]
        share = expected["beyond"] / expected["pltv"]  # type: ignore[operator]
        assert found.beyond_data_share[0] == pytest.approx(share, abs=1e-6)


def money_of(**terms: float) -> Money:
    known = {"discount": 0.0, "cost_to_serve": 0.0, "acquisition_spent": 0.0, "annual_discount_rate": 0.0}
    return Money(order_value=math.nan, orders_per_period=math.nan, **{**known, **terms})


def test_a_worked_example_by_hand() -> None:
    """100 a month at 50 %, half leave each month, three months: 50 + 25 + 12.5, against 60 to close."""
    survival = np.array([[0.5, 0.25, 0.125]])
    found = value(survival, money_of(revenue=100.0, gross_margin=0.5, closing_cost=60.0), "month", supported_periods=2)
    assert found.pltv[0] == 87.5
    assert found.net_value[0] == 27.5
    assert found.break_even[0] == 2
    assert found.loss_probability[0] == 0.5  # pays once and leaves
    assert found.beyond_data_share[0] == 12.5 / 87.5


def test_the_cause_is_the_margin_when_even_a_faithful_customer_does_not_pay_back() -> None:
    survival = np.array([[0.9, 0.8, 0.7], [0.1, 0.01, 0.001]])
    money = money_of(revenue=np.array([10.0, 100.0]), gross_margin=0.5, closing_cost=60.0)  # type: ignore[arg-type]
    found = value(survival, money, "month", supported_periods=3)
    assert found.ltv_minus.all()
    assert [CAUSES[code] for code in found.cause] == ["margin_negative", "leaves_early"]


def test_value_is_unknown_where_a_term_is_and_known_beside_it() -> None:
    survival = np.full((2, 3), 0.5)
    money = money_of(revenue=np.array([math.nan, 100.0]), gross_margin=0.5, closing_cost=1.0)  # type: ignore[arg-type]
    found = value(survival, money, "month", supported_periods=3)
    assert found.known.tolist() == [False, True]
    assert math.isnan(found.pltv[0])
    assert math.isnan(found.loss_probability[0])
    assert not found.ltv_minus[0]
    assert found.break_even[0] == 0
    assert found.cause[0] == -1


CONTRACT = Contract(
    (
        Feature(name="price", kind="number"),
        Feature(name="channel", kind="category", categories=("web", "fair")),
        Feature(name="vip", kind="flag"),
    )
)
TERMS = MoneyTerms(
    terms={"revenue": "price", "gross_margin": 0.6, "closing_cost": 100.0},
    segments=(
        Segment("channel", "fair", {"closing_cost": 400.0}),
        Segment("vip", "true", {"discount": 0.1}),
        Segment("region", "north", {"cost_to_serve": "cost"}),
    ),
)


def resolve(columns: dict[str, np.ndarray] | None = None, sent: dict[str, np.ndarray] | None = None) -> Money:
    x = np.stack([CONTRACT.encode({"price": 50, "channel": "web"}), CONTRACT.encode({"channel": "fair", "vip": True})])
    return TERMS.resolve(CONTRACT, x, columns or {}, sent or {})


def test_a_term_is_read_from_the_feature_that_the_book_names() -> None:
    revenue = np.asarray(resolve().revenue)
    assert revenue[0] == 50
    assert math.isnan(revenue[1])


def test_a_segment_overrides_the_book_for_its_members_only() -> None:
    money = resolve()
    assert np.asarray(money.closing_cost).tolist() == [100.0, 400.0]
    assert np.asarray(money.discount).tolist() == [0.0, 0.1]


def test_what_is_sent_overrides_segment_and_book() -> None:
    money = resolve(sent={"closing_cost": np.array([math.nan, 7.0]), "revenue": np.array([math.nan, 80.0])})
    assert np.asarray(money.closing_cost).tolist() == [100.0, 7.0]
    assert np.asarray(money.revenue).tolist() == [50.0, 80.0]


def test_columns_that_are_no_features_feed_segments_and_terms() -> None:
    columns = {"region": np.array(["north", "south"]), "cost": np.array([3.0, 4.0])}
    assert np.asarray(resolve(columns).cost_to_serve).tolist() == [3.0, 0.0]


def test_a_shop_without_revenue_earns_order_value_times_orders() -> None:
    terms = MoneyTerms(terms={"order_value": 40.0, "orders_per_period": 0.5, "gross_margin": 0.5})
    x = CONTRACT.blank()[None, :]
    assert np.asarray(terms.resolve(CONTRACT, x, {}, {}).margin_per_period) == 10.0
    sent = {"orders_per_period": np.array([2.0])}
    assert np.asarray(terms.resolve(CONTRACT, x, {}, sent).margin_per_period).tolist() == [40.0]


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("discont", 0.1, "did you mean 'discount'"),
        ("discount", 1.5, "between 0 and 1"),
        ("closing_cost", -1, "between 0 and 1e"),
        ("gross_margin", 1.1, "between -1000 and 1"),
        ("revenue", math.inf, "between 0"),
        ("revenue", math.nan, "between 0"),
        ("revenue", 10**400, "between 0"),
    ],
)
def test_money_out_of_bounds_is_refused_with_what_was_expected(name: str, number: float, message: str) -> None:
    with pytest.raises(MoneyError, match=message):
        TERMS.check(name, number)


def test_a_column_is_held_to_the_bounds_of_every_term_that_reads_it() -> None:
    terms = MoneyTerms(
        terms={"revenue": "amount", "discount": "share"}, segments=(Segment("a", "b", {"closing_cost": "amount"}),)
    )
    assert terms.check_column("amount", 20) == 20.0
    for column, number in (("amount", -1), ("amount", 1e16), ("share", 2), ("share", math.nan)):
        with pytest.raises(MoneyError, match=f"{column}: expected a number between 0 and"):
            terms.check_column(column, number)


spreads = st.floats(0, 2)


def lives(hazard: np.ndarray, terms: dict[str, float]) -> tuple[np.ndarray, Money]:
    """One prospect with its survival curve [1, T] and its money."""
    money = Money(order_value=math.nan, orders_per_period=math.nan, **terms)
    return np.cumprod(1 - hazard)[None, :], money


def spread_value(survival: np.ndarray, money: Money, spread: float) -> Value:
    """What one prospect is worth when the log cumulative hazard has a standard error of `spread`."""
    ends = interval(survival, np.array([spread]))
    return value(survival, money, "month", survival.shape[1], ends=ends)


@given(hazards, money_terms, spreads)
def test_the_interval_holds_the_net_value_and_a_loss_is_likelier_than_not_where_it_is_expected(
    hazard: np.ndarray, terms: dict[str, float], spread: float
) -> None:
    found = spread_value(*lives(hazard, terms), spread)
    net, negative = found.net_value[0], found.net_negative_probability[0]
    assert found.net_value_low[0] <= net <= found.net_value_high[0]
    assert 0 <= negative <= 1
    assert negative >= 0.5 if net < 0 else negative <= 0.5


@given(hazards, money_terms, st.lists(spreads, min_size=2, max_size=2))
def test_the_less_is_known_the_wider_the_interval_and_the_less_certain_its_sign(
    hazard: np.ndarray, terms: dict[str, float], pair: list[float]
) -> None:
    survival, money = lives(hazard, terms)
    sure, unsure = (spread_value(survival, money, spread) for spread in sorted(pair))
    slack = 1e-9 * (1 + abs(sure.net_value[0]) + terms["closing_cost"])
    assert unsure.net_value_low[0] <= sure.net_value_low[0] + slack
    assert unsure.net_value_high[0] >= sure.net_value_high[0] - slack
    if abs(sure.net_value[0]) > slack:  # there rounding decides on which side zero is
        certain = [abs(found.net_negative_probability[0] - 0.5) for found in (sure, unsure)]
        assert certain[1] <= certain[0] + 1e-6


@given(hazards, money_terms)
def test_a_curve_that_is_surely_right_leaves_a_point_and_no_doubt(hazard: np.ndarray, terms: dict[str, float]) -> None:
    found = spread_value(*lives(hazard, terms), 0.0)
    slack = 1e-12 * (abs(found.pltv[0]) + terms["closing_cost"])
    assert found.net_value_low[0] == pytest.approx(found.net_value[0], abs=slack)
    assert found.net_value_high[0] == pytest.approx(found.net_value[0], abs=slack)
    assert found.net_negative_probability[0] == pytest.approx(float(found.ltv_minus[0]), abs=1e-8)


@pytest.mark.parametrize("hazard", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("periods", [1, PERIODS])
def test_without_a_spread_there_is_no_interval_even_for_who_surely_stays(hazard: float, periods: int) -> None:
    survival = np.full((1, periods), 1.0 - hazard) ** np.arange(1.0, periods + 1)
    money = money_of(revenue=10.0, gross_margin=0.5, closing_cost=60.0)
    for ends in (None, interval(survival, np.array([np.nan], dtype=np.float32))):
        found = value(survival, money, "month", periods, ends=ends)
        assert found.known[0]
        assert np.isnan([found.net_value_low[0], found.net_value_high[0], found.net_negative_probability[0]]).all()


def test_without_money_there_is_no_interval() -> None:
    money = money_of(revenue=math.nan, gross_margin=0.5, closing_cost=60.0)
    found = spread_value(np.full((1, 3), 0.5), money, 0.2)
    assert np.isnan([found.net_value_low[0], found.net_value_high[0], found.net_negative_probability[0]]).all()


def test_who_costs_money_every_month_loses_less_by_leaving_early() -> None:
    survival = 0.9 ** np.arange(1.0, PERIODS + 1)[None, :]
    money = money_of(revenue=10.0, gross_margin=0.5, closing_cost=60.0, cost_to_serve=8.0)
    found = spread_value(survival, money, 0.3)
    stays, leaves = (value(survival ** np.exp(z * 0.3), money, "month", PERIODS).net_value[0] for z in (-Z80, Z80))
    assert stays < leaves < 0
    assert found.net_value_low[0] == pytest.approx(stays)
    assert found.net_value_high[0] == pytest.approx(leaves)
    assert found.net_negative_probability[0] > 0.99


DRAWS = 100_000


@pytest.mark.parametrize("others", [None, 0.98 ** np.arange(1, 61)], ids=["churn alone", "other exits too"])
@pytest.mark.parametrize("spread", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("margin", [20.0, -3.0])
def test_interval_and_probability_are_those_of_drawn_curves(
    margin: float, spread: float, others: np.ndarray | None
) -> None:
    """The log cumulative hazard drawn 100,000 times. The line through three points is off by a tenth of the spread."""
    rng = np.random.default_rng(5)
    cumulative = np.cumsum(0.03 * np.exp(-0.02 * np.arange(60)))
    # Summed over a fine grid of shifts, and looked up: the net value is smooth in the shift.
    shifts = np.linspace(-6, 6, 2001)
    discounting = 1.1 ** (-np.arange(60) / 12)
    curves = np.exp(-np.outer(np.exp(spread * shifts), cumulative)) * (1.0 if others is None else others)
    pltv = margin * (np.column_stack([np.ones(len(shifts)), curves[:, :-1]]) @ discounting)
    drawn = np.interp(rng.normal(size=DRAWS), shifts, pltv)
    for percent in (3, 10, 30, 50, 70, 90, 97):
        closing = float(np.percentile(drawn, percent))  # below it, the net value is negative
        money = money_of(
            revenue=abs(margin), gross_margin=math.copysign(1.0, margin), closing_cost=closing, annual_discount_rate=0.1
        )
        survival = np.exp(-cumulative)[None, :]
        ends = interval(survival, np.array([spread]))
        found = value(survival, money, "month", 60, other_exits=others, ends=ends)
        low, high = np.quantile(drawn, [0.1, 0.9]) - closing
        wide = high - low
        assert found.net_value_low[0] == pytest.approx(low, abs=0.02 * wide)
        assert found.net_value_high[0] == pytest.approx(high, abs=0.02 * wide)
        assert found.net_negative_probability[0] == pytest.approx(percent / 100, abs=0.1 * spread + 0.005)
