"""The truth about the simulated company's leads: how likely each is to leave in each month, and what it is worth.

    logit h(t | x) = b(t) + c(contract, t) + sum_j a_j(x_j) * g_j(t) + oversold(employees, plan)

Every a_j is in PARTS with its course over time g_j: steady, fading or growing. A contract binds until it is due for
renewal, so c has a course of its own. The truth is additive in (feature, month) but for one interaction.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.money import Money
from models.value import Value, value
from training.simulator.leads import CHANNELS, CONTRACTS, REPS

Floats = NDArray[np.float64]

MONTHS = 72
"""How long a customer is followed: from the first sign-up to the day of observation."""

HORIZON, VALUE_HORIZON = 12, 60
"""Months that the risk and the predicted lifetime value look ahead."""

MONTH = np.arange(1, MONTHS + 1)

BASELINE = -3.82 + 0.5 * np.exp(-(MONTH - 1) / 8)
"""b(t): leaving gets rarer with the months."""

COURSES = {
    "steady": np.ones(MONTHS),
    "fades": np.exp(-(MONTH - 1) / 6),
    "grows": np.minimum((MONTH - 1) / 24, 1.0),
}

BOUND, DUE = {"monthly": 0.0, "annual": -1.1, "two_year": -1.5}, {"monthly": 1, "annual": 12, "two_year": 24}
RENEWAL = {"monthly": 0.0, "annual": 2.3, "two_year": 2.8}
"""Log-odds while a contract binds, the months that it runs, and what is added in the month that it is due."""

CONTRACT = np.stack([BOUND[name] + RENEWAL[name] * (MONTH % DUE[name] == 0) for name in CONTRACTS])
"""c, [contract, MONTHS]."""
CONTRACT_ROW = {name: row for row, name in enumerate(CONTRACTS)}

INDUSTRY = {
    "manufacturing": -0.30,
    "information_technology": 0.05,
    "retail": 0.30,
    "professional_services": -0.10,
    "construction": 0.15,
    "restaurant": 0.60,
    "healthcare": -0.40,
    "logistics": 0.10,
    "education": -0.20,
}
CHANNEL = {
    "web_search": 0.0,
    "display_ad": 0.50,
    "exhibition": 0.05,
    "cold_call": 0.45,
    "referral": -0.60,
    "partner": -0.25,
}
CAMPAIGN = {"evergreen": 0.0, "launch": 0.15, "relaunch": -0.10}
CAMPAIGN_OF = {f"{channel}-{name}": effect for channel in CHANNELS for name, effect in CAMPAIGN.items()}
REP = {rep: 0.2 * (2 * (i * 5 % len(REPS)) / (len(REPS) - 1) - 1) for i, rep in enumerate(REPS)}
PLAN = {"starter": 0.15, "standard": 0.0, "enterprise": -0.25}

EMPLOYEES_UNKNOWN = 0.15
OVERSOLD = 0.90
OVERSOLD_BELOW = 25
"""The interaction: a larger plan than the starter's, sold to a business of fewer employees than this."""

PROTECTED = 0.60
"""What the representative's gender adds where a proxy is planted: the world is unfair, and the proxy lets the model
learn it."""

GROSS_MARGIN, PARTNER_MARGIN = 0.78, 0.62
CLOSING_COST = {"starter": 60_000.0, "standard": 160_000.0, "enterprise": 420_000.0}
"""JPY, by plan: selling, setting up, training."""
DISCOUNT_RATE = 0.05
"""Per year."""


class Truth(msgspec.Struct, frozen=True):
    """The truth about n leads.

    parts: a_j(x), the log-odds of each part but the contract's before its course over time, each [n].
    survival: S(t | x) for t = 1..MONTHS, [n, MONTHS].
    """

    parts: dict[str, Floats]
    survival: Floats

    @property
    def risk(self) -> Floats:
        """P(churn within HORIZON months). Shape [n]."""
        return 1.0 - self.survival[:, HORIZON - 1]


def true_survival(leads: pl.DataFrame, *, drift: Floats | float = 0.0, unfair: bool = False) -> Truth:
    """The truth about `leads` (see training.simulator.leads).

    Args:
        leads: one row each.
        drift: where each lead's sign-up year stands, from -1 (first) to 1 (last); 0 where nothing drifts.
        unfair: whether the representative's gender plays a part.
    """
    parts = {name: part(leads) for name, (_, part) in PARTS.items()}
    parts["signed_up"] = np.broadcast_to(0.4 * np.asarray(drift), (len(leads),)).copy()
    parts["requested_discount"] = parts["requested_discount"] * (1.0 + 0.8 * drift)
    parts["channel"] = parts["channel"] * (1.0 - 0.8 * drift)
    parts["protected"] = PROTECTED * unfair * (leads["representative_gender"] == "female").to_numpy()
    logit = BASELINE + CONTRACT[_effect(leads["contract"], CONTRACT_ROW).astype(int)]
    for course, shape in COURSES.items():
        total = sum(part for name, part in parts.items() if COURSE_OF.get(name, "steady") == course)
        logit += np.asarray(total)[:, None] * shape
    return Truth(parts, np.cumprod(1.0 / (1.0 + np.exp(logit)), axis=1))


def true_value(leads: pl.DataFrame, survival: Floats) -> Value:
    """What each lead is worth over VALUE_HORIZON months, by the formulas of the product, from its true survival."""
    partner = (leads["channel"] == "partner").to_numpy()
    money = Money(
        revenue=_numbers(leads["monthly_price"]),
        order_value=np.nan,
        orders_per_period=np.nan,
        discount=_numbers(leads["requested_discount"]),
        gross_margin=np.where(partner, PARTNER_MARGIN, GROSS_MARGIN),
        cost_to_serve=_numbers(leads["cost_to_serve"]),
        acquisition_spent=_numbers(leads["cpa"]),
        closing_cost=_effect(leads["plan"], CLOSING_COST),
        annual_discount_rate=DISCOUNT_RATE,
    )
    return value(survival[:, :VALUE_HORIZON], money, "month", VALUE_HORIZON)


def _employees(leads: pl.DataFrame) -> Floats:
    """The smaller a business, the more likely it leaves, with a floor and a ceiling."""
    size = _numbers(leads["employees"])
    return np.where(np.isnan(size), EMPLOYEES_UNKNOWN, -0.45 * np.tanh(np.log(size / 40) / 1.2))


def _oversold(leads: pl.DataFrame) -> Floats:
    small = _numbers(leads["employees"]) < OVERSOLD_BELOW  # unknown is not small
    large = (leads["plan"] != "starter").to_numpy()
    return np.where(small & large, OVERSOLD, 0.0)


PARTS: dict[str, tuple[str, Callable[[pl.DataFrame], Floats]]] = {
    "industry": ("steady", lambda leads: _effect(leads["industry"], INDUSTRY)),
    "employees": ("steady", _employees),
    "company_age": ("steady", lambda leads: 0.6 * np.exp(-_numbers(leads["company_age"]) / 5) - 0.15),
    "channel": ("steady", lambda leads: _effect(leads["channel"], CHANNEL)),
    "campaign": ("steady", lambda leads: _effect(leads["campaign"], CAMPAIGN_OF)),
    "sales_rep": ("steady", lambda leads: _effect(leads["sales_rep"], REP)),
    # Who was pressed regrets it soon, or not at all.
    "closing_pressure": ("fades", lambda leads: 0.20 * (_numbers(leads["closing_pressure"]) - 3)),
    "requested_discount": ("steady", lambda leads: 3.0 * _numbers(leads["requested_discount"]) - 0.2),
    # What was promised and never built.
    "special_demands": ("grows", lambda leads: 0.35 * (np.minimum(_numbers(leads["special_demands"]), 5) - 1)),
    "plan": ("steady", lambda leads: _effect(leads["plan"], PLAN)),
    "seats": ("steady", lambda leads: -0.15 * np.log(_numbers(leads["seats"]) / 10)),
    "days_to_close": ("fades", lambda leads: 0.8 * np.exp(-_numbers(leads["days_to_close"]) / 10)),
    "oversold": ("steady", _oversold),
}
"""Each part of the truth: its course over time, and its log-odds from the leads. Prefecture, price and the
representative's age play none."""

COURSE_OF = {name: course for name, (course, _) in PARTS.items()}


def _effect(column: pl.Series, effects: dict[str, float] | dict[str, int]) -> Floats:
    return column.replace_strict(effects, return_dtype=pl.Float64).to_numpy()


def _numbers(column: pl.Series) -> Floats:
    """Float64 with NaN where missing."""
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()
