"""The back-test of a policy: what its rules, and each threshold, would have earned or lost on history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.assess import Assessments, Assessor
from models.bundle import Manifest
from models.money import Money, Number
from models.policy import ACTIONS, Action, CompiledRule
from models.value import PERIODS_PER_YEAR
from training.backtest import texts
from training.backtest.curve import Best, Curve, curve, from_nobody, gains, order
from training.backtest.figures import Estimate, estimate
from training.backtest.realised import History, Outcomes, Partition, outcomes, resample
from training.economics.risksets import Floats, per_group
from training.economics.texts import Text
from training.economics.values import finite, rows_of
from training.model.personperiods import SUPPORT
from training.reading.lifetimes import Lifetimes, at_risk, last_supported

__all__ = ["Absent", "Backtest", "Best", "Curve", "Estimate", "Group", "Place", "backtest"]

REPLICATES = 200
"""Times that customers are drawn anew: enough for 95 % intervals that are told to two digits."""


class Absent(msgspec.Struct, frozen=True):
    """Why there is no back-test, by language."""

    why: Text


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Customers whom a rule hits (the first that matches), as if all of them were turned away.

    action: what the rule says. share: of all customers. realised: net value per head, currency, from history with
    censoring accounted for. predicted: the same from the model's curves. saved: by turning all of them away, currency;
    negative where that loses. paid_back: share that brought in its closing cost, and would have been turned away
    wrongly. known: how many of them are known to have paid back, or not to do so any more. predicted, realised, saved
    and paid_back are None where the rule hits nobody.
    """

    name: str
    action: Action
    customers: float
    share: float
    known: float
    predicted: float | None
    realised: Estimate | None
    saved: Estimate | None
    paid_back: Estimate | None


class Place(msgspec.Struct, frozen=True):
    """Where a policy lies on the profit curve by net value.

    share: turned away by `do_not_chase`. gain: currency per 100 leads. behind_best: how much the curve's best point
    gains more, currency per 100 leads. paid_back: share of those turned away that brought in its closing cost.
    """

    share: float
    gain: Estimate
    behind_best: Estimate
    paid_back: float | None


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A policy on customers whose history is known.

    on: who was judged, and by which model, by language. policy: its hash. customers, churned: those under observation
    whose money is known, weighed as the book weighs them. periods: how many were observed, up to the last with enough
    customers at risk; value_horizon: T, how many count. taking_all: realised net value per head, currency; predicted:
    the same from the model's curves; beyond: what of it lies after `periods`, where the last hazards are carried on.
    rules: in the policy's order, those that hit nobody included. curves: by net value, and by risk. notes: caveats, by
    language.
    """

    on: Text
    policy: str
    currency: str
    period: str
    periods: int
    value_horizon: int
    customers: float
    churned: float
    taking_all: Estimate
    predicted: float
    beyond: float
    rules: tuple[Group, ...]
    curves: tuple[Curve, Curve]
    place: Place
    notes: tuple[Text, ...]


def backtest(  # noqa: PLR0913 - the last two are for tests and for who waits
    assessor: Assessor,
    judged: Assessments,
    lives: Lifetimes,
    columns: Mapping[str, NDArray[np.generic]],
    weight: Floats,
    on: Text,
    *,
    replicates: int = REPLICATES,
    progress: Callable[[float], None] = lambda _: None,
) -> Backtest | Absent:
    """What the assessor's policy would have earned on customers that its model had not seen.

    Args:
        assessor: a bundle and a policy.
        judged: its assessments of m customers, by curves of models that had not seen them.
        lives: what happened to the same customers.
        columns: what the money terms read and is no feature, each [m].
        weight: for how many customers each stands [m].
        on: who was judged, and by which model.
        replicates: how often customers are drawn anew.
        progress: told the share of the replicates that is done.
    """
    manifest, rules = assessor.bundle.manifest, assessor.policy.rules
    known = judged.value.known & lives.observed
    if not known.any():
        return Absent(texts.NO_MONEY)
    money = rows_of(manifest.money.resolve(assessor.contract, judged.x, columns, {}), known)
    counts, rule = weight[known], judged.rule[known]
    history = _history(manifest, money, lives.take(known), judged.value.break_even[known], counts)
    if history.observed == 0:
        return Absent(texts.too_few(SUPPORT))
    by_value, by_risk = order("net_value", judged.value.net_value[known]), order("risk", judged.risk[known])
    kept = (judged.action[known] != ACTIONS.index("do_not_chase")).astype(np.int64)
    parts = (Partition(rule, len(rules)), Partition(kept, 2), by_value.partition, by_risk.partition)
    found = [outcomes(history, part, counts) for part in parts]
    drawn = resample(history, parts, counts, replicates, progress)
    profit, everybody = curve(by_value, found[2], drawn[2]), found[2].take(-1)
    predicted = per_group(rule, counts * judged.value.net_value[known], len(rules))
    outcome_known = per_group(rule, counts * history.outcome_known, len(rules))
    left_out = float(weight[lives.observed & ~known].sum())
    taking_all = estimate(everybody.realised, drawn[2].take(-1).realised)
    expected = float(predicted.sum() / everybody.heads)
    return Backtest(
        on=on,
        policy=assessor.policy.hash,
        currency=manifest.currency,
        period=manifest.period,
        periods=history.observed,
        value_horizon=manifest.periods,
        customers=float(everybody.heads),
        churned=float(counts @ history.lives.event),
        taking_all=taking_all,
        predicted=expected,
        beyond=float(everybody.beyond),
        rules=tuple(
            _group(rules[g], found[0].take(g), drawn[0].take(g), predicted[g], outcome_known[g], everybody.heads)
            for g in range(len(rules))
        ),
        curves=(profit, curve(by_risk, found[3], drawn[3])),
        place=_place(profit, found[1:3], drawn[1:3]),
        notes=(
            *_notes(manifest, history, everybody, money, counts),
            *((texts.money_unknown(left_out),) if left_out else ()),
            *(() if taking_all.low_95 <= expected <= taking_all.high_95 else (texts.MIX_CHANGED,)),
            *(() if profit.best.beats_nobody else (texts.NOBODY_BEATEN,)),
        ),
    )


def _history(
    manifest: Manifest, money: Money, lives: Lifetimes, break_even: NDArray[np.int64], counts: Floats
) -> History:
    def of_each(term: Number) -> Floats:
        return np.broadcast_to(np.asarray(term, dtype=np.float64), (len(lives),))

    rate, periods = float(np.average(of_each(money.annual_discount_rate), weights=counts)), manifest.periods
    return History(
        lives=lives,
        margin=of_each(money.margin_per_period),
        closing=of_each(money.closing_cost),
        break_even=break_even,
        discounting=(1.0 + rate) ** (-np.arange(periods) / PERIODS_PER_YEAR[manifest.period]),
        observed=min(last_supported(at_risk(lives, periods)), periods),
    )


def _group(
    rule: CompiledRule, found: Outcomes, drawn: Outcomes, predicted: float, outcome_known: float, everybody: Floats
) -> Group:
    """What turning away all whom a rule hits would have done; `predicted` is the sum of their net values."""
    heads = float(found.heads)
    hit = heads > 0
    return Group(
        name=rule.name,
        action=ACTIONS[rule.action],
        customers=heads,
        share=float(heads / everybody),
        known=float(outcome_known),
        predicted=float(predicted) / heads if hit else None,
        realised=estimate(found.realised, drawn.realised) if hit else None,
        saved=estimate(-found.total, -drawn.total) if hit else None,
        paid_back=estimate(found.paid_back, drawn.paid_back) if hit else None,
    )


def _place(profit: Curve, found: Sequence[Outcomes], drawn: Sequence[Outcomes]) -> Place:
    """Where the policy lies: of its customers turned away and kept, and of the curve's; as found, and drawn anew."""
    (policy, along), (policy_anew, along_anew) = found, drawn
    gain = gains(policy, along.heads[-1])[0]
    gain_anew = gains(policy_anew, along_anew.heads[:, -1])[:, 0]
    best_anew = from_nobody(along_anew)[:, profit.best.point]
    return Place(
        share=float(policy.heads[0] / along.heads[-1]),
        gain=estimate(gain, gain_anew),
        behind_best=estimate(profit.best.gain.value - gain, best_anew - gain_anew),
        paid_back=finite(policy.paid_back[0]),
    )


def _notes(manifest: Manifest, history: History, everybody: Outcomes, money: Money, counts: Floats) -> Iterator[Text]:
    yield texts.SOLD_TO_ONLY
    yield texts.DRAWN_ANEW
    if history.observed < manifest.periods:
        brought_in = everybody.realised + np.average(history.closing, weights=counts)
        share = float(everybody.beyond / brought_in) if brought_in > 0 else 0.0
        yield texts.carried_on(history.observed, manifest.periods, manifest.period, share)
    if (history.lives.entry > 0).any():
        yield texts.LATE_ENTRY
    if np.ptp(money.annual_discount_rate) > 0:
        yield texts.RATES_DIFFER
