"""The back-test of a policy: what its rules, and each threshold, would have earned or lost on history."""

from __future__ import annotations

from typing import Literal

import msgspec

from models.policy import Action
from training.economics_texts import Text


class Absent(msgspec.Struct, frozen=True):
    """Why there is no back-test, by language."""

    why: Text


class Bootstrapped(msgspec.Struct, frozen=True):
    """A figure with its 80 % and 95 % intervals, from a bootstrap of customers."""

    value: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Customers whom a rule hits (the first that matches), as if all of them were turned away.

    action: what the rule says. share: of all customers. realised: net value per head, currency, from history with
    censoring accounted for. predicted: the same from the model's curves, within the same periods. saved: by turning all
    of them away, currency; negative where that loses. paid_back: share that brought in its closing cost, and would
    have been turned away wrongly. known: how many of them are known to have paid back, or never to do so.
    realised, saved and paid_back are None where the rule hits nobody.
    """

    name: str
    action: Action
    customers: float
    share: float
    known: float
    predicted: float | None
    realised: Bootstrapped | None
    saved: Bootstrapped | None
    paid_back: Bootstrapped | None


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The best point of a profit curve.

    gain: per 100 leads. share: turned away, with the interval in which the best point falls when customers are drawn
    anew. beats_nobody: whether some point of the curve gains more than turning nobody away, beyond chance (a
    simultaneous 95 % band over all points).
    """

    threshold: float | None
    share: Bootstrapped
    gain: Bootstrapped
    beats_nobody: bool


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The profit curve: who is turned away in the order of a prediction, from nobody to everybody.

    threshold: turned away are those whose net value is below it, or whose risk is at or above it; None where that is
    nobody, and everybody. share: turned away, 0..1. gain: against turning nobody away, currency per 100 leads, with its
    80 % and 95 % intervals. paid_back: share of those turned away that brought in its closing cost. All of one length.
    """

    by: Literal["net_value", "risk"]
    threshold: tuple[float | None, ...]
    share: tuple[float, ...]
    gain: tuple[float, ...]
    low_80: tuple[float, ...]
    high_80: tuple[float, ...]
    low_95: tuple[float, ...]
    high_95: tuple[float, ...]
    paid_back: tuple[float | None, ...]
    best: Best


class Place(msgspec.Struct, frozen=True):
    """Where a policy lies on the profit curve by net value.

    share: turned away by `do_not_chase`. gain: currency per 100 leads. behind_best: how much the curve's best point
    gains more, currency per 100 leads.
    """

    share: float
    gain: Bootstrapped
    behind_best: Bootstrapped


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A policy on customers whose history is known.

    on: who was judged, and by which model, by language. customers, churned: those under observation whose money is
    known, weighed as the book weighs them. periods: how many count, the last with enough customers at risk;
    value_horizon: T, which the predictions count. taking_all: realised net value per head, currency.
    rules: in the policy's order, those that hit nobody included. notes: caveats, by language.
    """

    on: Text
    policy: str
    currency: str
    period: str
    periods: int
    value_horizon: int
    customers: float
    churned: float
    taking_all: Bootstrapped
    rules: tuple[Group, ...]
    curves: tuple[Curve, Curve]
    place: Place
    notes: tuple[Text, ...]
