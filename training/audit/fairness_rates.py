"""What is said of each group of a protected column, and what became of it, beside the largest group."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.policy import ACTIONS, Action
from training.audit.fairness_groups import MIN_CUSTOMERS, Grouping
from training.audit.fairness_survival import churned_within, false_alarms
from training.evaluation.intervals import Estimate, Rate, expected_over_observed, ratio, share
from training.reading.lifetimes import Bools, Floats, Lifetimes

PROCEED = ACTIONS.index("proceed")


class GroupAudit(msgspec.Struct, frozen=True, kw_only=True):
    """One group of a protected column, on customers that the model had not seen. Rates and risks are shares, 0..1.

    group: a value, a range of numbers, MISSING or OTHERS (small groups together). customers: how many.
    judged: False where they are too few to judge; the figures below are then for information.
    actions: share of each action. action_ratios: over the reference group's share; None where either is zero, and for
    the reference group itself.
    false_alarms: share warned (any action but `proceed`) of those who stay the whole horizon and would pay back if they
    stayed on, censoring weighted out; None where it cannot be told.
    false_alarm_ratio: over the reference group's; joint 95 % interval over all comparisons of the audit, by which the
    finding is judged; `high` is infinite where the reference group has no false alarms.
    predicted_risk: mean predicted P(churn within the horizon). observed_risk: Kaplan-Meier's, None where nobody was at
    risk up to the horizon.
    expected_events, observed_events: within the horizon, while at risk. expected_over_observed: joint 95 % interval
    over all groups; None without an event.
    carried_points: what each feature adds to the mean risk of the exported model in this group, less what it adds to
    that of all other customers, in points. gap_points: their sum, the gap in mean risk.
    """

    group: str
    customers: int
    judged: bool
    actions: dict[Action, Estimate]
    action_ratios: dict[Action, Estimate | None]
    false_alarms: Estimate | None
    false_alarm_ratio: Estimate | None
    predicted_risk: float
    observed_risk: Estimate | None
    expected_events: float
    observed_events: int
    expected_over_observed: Estimate | None
    carried_points: dict[str, float]
    gap_points: float


class People(NamedTuple):
    """m held-out customers.

    weight: for how many each stands. action: index into ACTIONS. pays_back: whether it would if it never left; if not,
    the margin is at fault and no warning is false. points: of each feature, [m, F]. risk: predicted, within the
    horizon. expected, churned: events within the horizon while at risk. All but points are [m].
    """

    horizon: int
    lives: Lifetimes
    weight: Floats
    action: NDArray[np.int64]
    pays_back: Bools
    points: NDArray[np.float32]
    risk: Floats
    expected: Floats
    churned: Bools


class Measured(NamedTuple):
    """A group before it is compared. inside: who is in it, bool [m]."""

    name: str
    inside: Bools
    customers: float
    actions: dict[Action, Rate]
    false_alarms: Rate | None

    @property
    def judged(self) -> bool:
        return self.customers >= MIN_CUSTOMERS and self.false_alarms is not None


def measure(people: People, grouping: Grouping) -> list[Measured]:
    """The rates of each group."""
    measured = []
    for position, name in enumerate(grouping.names):
        inside = grouping.member == position
        weight, action = people.weight[inside], people.action[inside]
        n = float(weight.sum())
        actions = {one: Rate(float(weight[action == code].sum()) / n, n) for code, one in enumerate(ACTIONS)}
        sound = inside & people.pays_back
        warned = people.action[sound] != PROCEED
        alarms = false_alarms(people.lives.take(sound), people.weight[sound], warned, people.horizon)
        measured.append(Measured(name, inside, n, actions, alarms))
    return measured


def reference_of(measured: list[Measured]) -> Measured:
    """The largest group with a name: it has the surest rates, and does not depend on how they came out."""
    return next((one for one in measured if one.judged), measured[0])


def compare(
    people: People, names: tuple[str, ...], one: Measured, reference: Measured, ratio_level: float, risk_level: float
) -> GroupAudit:
    """A group beside the reference group; `names` are the features', the levels those of the joint intervals."""
    inside, weight = one.inside, people.weight[one.inside]
    expected, observed = float(weight @ people.expected[inside]), float(weight @ people.churned[inside])
    churned = churned_within(people.lives.take(inside), weight, people.horizon)
    carried = _carried(people, inside)
    alarms, usual = one.false_alarms, reference.false_alarms
    beside = one is not reference
    return GroupAudit(
        group=one.name,
        customers=round(one.customers),
        judged=one.judged,
        actions={action: share(rate) for action, rate in one.actions.items()},
        action_ratios={
            action: ratio(rate, usually) if beside and rate.share and usually.share else None
            for (action, rate), usually in zip(one.actions.items(), reference.actions.values(), strict=True)
        },
        false_alarms=share(alarms) if alarms else None,
        false_alarm_ratio=ratio(alarms, usual, ratio_level) if beside and alarms and usual else None,
        predicted_risk=float(np.average(people.risk[inside], weights=weight)),
        observed_risk=share(churned) if churned else None,
        expected_events=expected,
        observed_events=round(observed),
        expected_over_observed=expected_over_observed(expected, observed, risk_level) if observed else None,
        carried_points=dict(zip(names, carried.tolist(), strict=True)),
        gap_points=float(carried.sum()),
    )


def _carried(people: People, inside: Bools) -> Floats:
    """Mean points of each feature inside less outside, zero where nobody is outside. Shape [F]."""
    points = people.points.astype(np.float64)
    if inside.all():
        return np.zeros(points.shape[1])
    means: list[Floats] = [np.average(points[part], axis=0, weights=people.weight[part]) for part in (inside, ~inside)]
    return means[0] - means[1]
