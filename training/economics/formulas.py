"""The classical lifetime value formulas beside ours, so that people can reconcile the two."""

from __future__ import annotations

import msgspec
import numpy as np

from models.money import Floats, Money
from models.value import PERIODS_PER_YEAR
from training.economics.texts import WORDS, Text
from training.economics.values import finite, mean
from training.reading.lifetimes import Lifetimes

OURS = ("pltv", "net_value", "pltv_to_cac")

MARK = 3.0
"""What LTV / CAC should reach, by the rule of thumb of subscription businesses."""


class Formula(msgspec.Struct, frozen=True, kw_only=True):
    """One way to say what a customer is worth.

    name, formula, why: by language (`en`, `ja`); `why` is a sentence on why it differs from ours, empty for ours.
    value: in `unit`, a currency or "ratio"; None where it is not defined. mark: what a ratio should reach.
    """

    key: str
    ours: bool
    name: Text
    formula: Text
    why: Text
    value: float | None
    unit: str
    mark: float | None = None


class Means(msgspec.Struct, frozen=True):
    """Means per customer, and the churn that the classical formulas take for constant.

    revenue, gross_profit, cost_to_serve: per period, after discount. cac: acquisition and closing. order_value: after
    discount; orders: per period; NaN where the book has none. gross_margin: gross profit over revenue. churn: exits,
    for whatever reason, per customer and period at risk. rate: of discounting, per period. pltv, net_value: ours. All
    money in the book's currency.
    """

    revenue: float
    gross_profit: float
    cost_to_serve: float
    cac: float
    order_value: float
    orders: float
    gross_margin: float
    churn: float
    rate: float
    pltv: float
    net_value: float


def means(money: Money, lives: Lifetimes, weight: Floats, period: str, pltv: Floats, net_value: Floats) -> Means:
    """Means of the customers whose money is known. Shapes [n]."""
    known = np.where(np.isfinite(pltv), weight, 0.0)

    def over(amounts: float | Floats) -> float:
        return mean(np.broadcast_to(np.asarray(amounts, dtype=np.float64), weight.shape), known)

    unserved = msgspec.structs.replace(money, cost_to_serve=0.0)
    profit = over(unserved.margin_per_period)
    revenue = over(msgspec.structs.replace(unserved, gross_margin=1.0).margin_per_period)
    seen = weight * lives.observed
    return Means(
        revenue=revenue,
        gross_profit=profit,
        cost_to_serve=over(money.cost_to_serve),
        cac=over(money.acquisition_spent + money.closing_cost),
        order_value=over(money.order_value * (1.0 - money.discount)),
        orders=over(money.orders_per_period),
        gross_margin=_ratio(profit, revenue),
        churn=_ratio(float(seen @ (lives.event | lives.other_exit)), float(seen @ (lives.exit - lives.entry))),
        rate=(1.0 + over(money.annual_discount_rate)) ** (1.0 / PERIODS_PER_YEAR[period]) - 1.0,
        pltv=over(pltv),
        net_value=over(net_value),
    )


def formulas(found: Means, currency: str) -> tuple[Formula, ...]:
    """Ours, then the classical ones; those of orders only for a book that has orders.

    Sources: Gupta and Lehmann 2003 for the discounted margin multiple; the Japanese orders formula as CRM vendors
    publish it: average order value x gross margin x frequency x years - (acquisition + retention cost).
    """
    margin = found.gross_profit - found.cost_to_serve
    periods = _ratio(1.0, found.churn)  # how long a customer stays, were churn the same in every period
    sales = found.order_value * found.orders * periods
    amounts = {
        "pltv": found.pltv,
        "net_value": found.net_value,
        "revenue_over_churn": found.revenue * periods,
        "gross_profit_over_churn": found.gross_profit * periods,
        "margin_over_churn": margin * periods,
        "discounted_margin": _ratio(margin * (1.0 + found.rate), found.rate + found.churn),
        "margin_net_of_cac": margin * periods - found.cac,
        "orders": sales,
        "orders_net": sales * found.gross_margin - found.cost_to_serve * periods - found.cac,
    }
    ratios = {"pltv_to_cac": _ratio(found.pltv, found.cac), "ltv_to_cac": _ratio(margin * periods, found.cac)}
    has_orders = np.isfinite(found.orders)
    return tuple(
        Formula(
            key=key,
            ours=key in OURS,
            name=words.name,
            formula=words.formula,
            why=words.why,
            value=finite({**amounts, **ratios}[key]),
            unit="ratio" if key in ratios else currency,
            mark=MARK if key in ratios else None,
        )
        for key, words in WORDS.items()
        if has_orders or not key.startswith("orders")
    )


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else float("nan")
