"""The leads of the simulated company: what is known of each of them when it signs up, drawn at random."""

# ruff: noqa: SIM905 - names read best as words

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INDUSTRIES = {
    "manufacturing": 0.20,
    "information_technology": 0.18,
    "retail": 0.15,
    "professional_services": 0.13,
    "construction": 0.10,
    "restaurant": 0.08,
    "healthcare": 0.08,
    "logistics": 0.05,
    "education": 0.03,
}

PREFECTURES = (
    "Tokyo Osaka Kanagawa Aichi Fukuoka Saitama Hyogo Chiba Hokkaido Shizuoka Hiroshima Kyoto Ibaraki Miyagi Niigata "
    "Nagano Gunma Tochigi Gifu Okayama Fukushima Mie Kumamoto Kagoshima Okinawa Yamaguchi Ehime Nagasaki Shiga Nara "
    "Aomori Iwate Oita Ishikawa Yamagata Miyazaki Toyama Akita Kagawa Wakayama Saga Yamanashi Fukui Tokushima Kochi "
    "Shimane Tottori"
).split()

CHANNELS = {
    "web_search": 0.28,
    "display_ad": 0.17,
    "exhibition": 0.17,
    "cold_call": 0.14,
    "referral": 0.14,
    "partner": 0.10,
}
CPA = {
    "web_search": 60_000,
    "display_ad": 45_000,
    "exhibition": 150_000,
    "cold_call": 90_000,
    "referral": 20_000,
    "partner": 40_000,
}
"""What a signed customer of the channel has cost before the lead arrived, JPY."""

CAMPAIGNS = {"evergreen": 1.0, "launch": 1.3, "relaunch": 0.8}
"""Each channel's campaigns, and what they cost against the channel: half of the leads come by the one that always
runs, the others by `launch` until a day of the channel's own, by `relaunch` after it."""

CAMPAIGN_CPA = {
    f"{channel}-{name}": round(cpa * times) for channel, cpa in CPA.items() for name, times in CAMPAIGNS.items()
}
COLD_CALL = list(CHANNELS).index("cold_call")

REPS = (
    "sato suzuki takahashi tanaka ito watanabe yamamoto nakamura kobayashi kato yoshida yamada "
    "sasaki yamaguchi matsumoto inoue kimura hayashi shimizu saito mori abe ikeda hashimoto"
).split()

PLANS = ("starter", "standard", "enterprise")
SEAT_PRICE = (1_800.0, 3_200.0, 4_800.0)
"""JPY per seat and month, by plan."""

CONTRACTS = ("monthly", "annual", "two_year")
CONTRACT_SHARES = ((0.62, 0.33, 0.05), (0.40, 0.50, 0.10), (0.15, 0.60, 0.25))
"""How many take each contract, by plan."""

UNKNOWN_EMPLOYEES = 0.04
WOMEN, OVER_65 = 0.16, 0.22
"""Shares of the leads."""


def draw_leads(rng: np.random.Generator, n: int, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Draw n leads that sign up on any day from `first` to `last`, one row each."""
    days = rng.integers(0, (last - first).days + 1, n)
    elapsed = days / max((last - first).days, 1)
    employees = np.maximum(np.round(np.exp(rng.normal(np.log(40), 1.1, n))), 2)
    company_age = np.minimum(np.floor(rng.gamma(1.3, 14.0, n)), 120)
    signed_up = pl.Series(np.datetime64(first, "D") + days)
    channel = _pick(rng, CHANNELS, n)
    campaign = _campaign(rng, channel, elapsed)
    rep = rng.integers(0, len(REPS), n)
    pressure = rng.poisson(0.5 + 5.0 * _pushiness(rep))
    plan = _plan(rng, employees)
    contract = _pick_by(rng, np.array(CONTRACT_SHARES)[plan])
    seats = np.maximum(np.round(employees * rng.beta(2.0, 4.0, n)), 3)
    demands = np.minimum(rng.poisson(0.6 + 0.5 * plan), 8)
    wishes = rng.gamma(0.9, 1.3, n) * (1.0 + 0.12 * pressure) * np.where(channel == COLD_CALL, 1.4, 1.0)
    days_to_close = rng.gamma(1.6, 12.0 + 14.0 * plan) * np.exp(-0.06 * pressure) + 1.0
    return pl.DataFrame(
        {
            "signed_up": signed_up,
            "industry": _named(INDUSTRIES, _pick(rng, INDUSTRIES, n)),
            "prefecture": _named(PREFECTURES, _pick(rng, {p: 1 / (2 + i) for i, p in enumerate(PREFECTURES)}, n)),
            "employees": pl.Series(employees.astype(np.int64)).set(pl.Series(rng.random(n) < UNKNOWN_EMPLOYEES), None),
            "founded": signed_up.dt.year() - pl.Series(company_age.astype(np.int32)),
            "company_age": company_age.astype(np.int64),
            "channel": _named(CHANNELS, channel),
            "campaign": _named(CAMPAIGN_CPA, campaign),
            "cpa": np.array(list(CAMPAIGN_CPA.values()))[campaign],
            "sales_rep": _named(REPS, rep),
            "closing_pressure": pressure,
            "requested_discount": np.minimum(np.floor(wishes), 8) * 5 / 100,
            "special_demands": demands,
            "plan": _named(PLANS, plan),
            "contract": _named(CONTRACTS, contract),
            "seats": seats.astype(np.int64),
            "monthly_price": (seats * np.array(SEAT_PRICE)[plan]).astype(np.int64),
            "cost_to_serve": (1_000 + 2_500 * demands + 100 * seats).astype(np.int64),
            "days_to_close": np.round(days_to_close).astype(np.int64),
            "representative_gender": _named(("male", "female"), (rng.random(n) < WOMEN).astype(np.int64)),
            "representative_over_65": rng.random(n) < OVER_65,
        }
    )


def _pushiness(rep: Ints) -> Floats:
    """How hard a sales rep presses for the signature, 0..1: spread evenly over the reps."""
    pushiness: Floats = (rep * 7 % len(REPS)) / (len(REPS) - 1)
    return pushiness


def _campaign(rng: np.random.Generator, channel: Ints, elapsed: Floats) -> Ints:
    """Positions in CAMPAIGN_CPA."""
    relaunched = elapsed > 0.3 + 0.08 * channel
    one_of_three = np.where(rng.random(len(channel)) < 0.5, 0, np.where(relaunched, 2, 1))
    campaign: Ints = len(CAMPAIGNS) * channel + one_of_three
    return campaign


def _plan(rng: np.random.Generator, employees: Floats) -> Ints:
    """The larger the business the larger the plan, with much room for overselling."""
    wanted = np.log(employees / 40) + rng.normal(0.0, 1.0, len(employees))
    plan: Ints = np.digitize(wanted, [-0.5, 1.2]).astype(np.int64)
    return plan


def _pick(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> Ints:
    """Positions drawn in proportion to `shares`."""
    below = np.cumsum(list(shares.values()))
    positions: Ints = np.searchsorted(below, rng.random(n) * below[-1], side="right").astype(np.int64)
    return positions


def _pick_by(rng: np.random.Generator, shares: Floats) -> Ints:
    """A position for each row of `shares` [n, choices]."""
    picked: Ints = (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    return picked


def _named(names: Iterable[str], positions: Ints) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String).gather(positions)
