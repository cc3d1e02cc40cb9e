"""The fairness audit: what the model and the policy do to the groups of each protected column."""

from __future__ import annotations

from typing import Literal

import msgspec

from models.policy import Action
from training.intervals import Estimate
from training.proxies import Proxy


class GroupAudit(msgspec.Struct, frozen=True, kw_only=True):
    """One group of a protected column, on customers that the model had not seen.

    group: a value, a range of numbers, MISSING or OTHERS (small groups together). customers: how many.
    judged: False where they are too few to judge; the figures below are then for information.
    actions: share of each action, 0..1. action_ratios: over the reference group's share; None where either is zero,
    and for the reference group itself.
    false_alarms: share warned (any action but `proceed`) of those who stay the whole horizon, censoring weighted out;
    None where nobody is known to have stayed. false_alarm_ratio: over the reference group's, with the interval that
    the finding is judged by: joint 95 % over all comparisons of the audit.
    predicted_risk: mean predicted P(churn within the horizon). observed_risk: Kaplan-Meier's, None where nobody was at
    risk up to the horizon. expected_events, observed_events: within the horizon, on the risk set.
    expected_over_observed: joint 95 % interval, None without an event.
    gap_points: mean risk of the exported model in this group less that of all other customers, in points.
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
    gap_points: float


class ColumnAudit(msgspec.Struct, frozen=True, kw_only=True):
    """One protected column.

    reference: the largest group, which the others are compared with. proxies: every feature, the strongest first.
    told_by_all: AUC of telling `told_group`, the group told best, from all features together, on customers held out;
    None where the column has a single group.
    """

    column: str
    reference: str
    groups: tuple[GroupAudit, ...]
    proxies: tuple[Proxy, ...]
    told_by_all: Estimate | None
    told_group: str | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the audit found.

    kind: false_alarms (a group is wrongly warned more often than another, beyond max_ratio), calibration (a group's
    risk is off), or proxy (a feature tells the group). feature: of a proxy. text: a sentence by language (en, ja).
    """

    kind: Literal["false_alarms", "calibration", "proxy"]
    column: str
    group: str
    feature: str | None = None
    text: dict[str, str]


class FairnessAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit measured on `customers` held-out customers.

    horizon: in periods. max_ratio: the book's limit on false-alarm ratios. comparisons: how many of them were judged.
    absent: why there is no audit, a sentence by language (en, ja); None where there is one.
    """

    customers: int
    horizon: int
    max_ratio: float
    comparisons: int
    columns: tuple[ColumnAudit, ...]
    findings: tuple[Finding, ...]
    absent: dict[str, str] | None = None
