"""The fairness audit: what the model and the policy do to the groups of each protected column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import msgspec
import polars as pl

from models.assess import Assessments
from models.contract import Contract, Vector
from models.value import CAUSES
from training.audit import fairness_texts as texts
from training.audit.fairness_groups import Grouping, group
from training.audit.fairness_rates import GroupAudit, People, compare, measure, reference_of
from training.audit.proxies import Proxy, proxies, told_by_all
from training.errors import DataError
from training.evaluation.holdout import HeldOut
from training.evaluation.intervals import Estimate, joint
from training.evaluation.measure import within
from training.evaluation.metrics import expected_events
from training.reading.book import Book

__all__ = ["ColumnAudit", "FairnessAudit", "Finding", "GroupAudit", "Proxy", "audit_fairness", "refuse_unfair"]

CALIBRATED = 1.05
"""How many times as much churn as is observed may be expected of a group, all customers set to 1, or the other way
round: the bar of the model as a whole."""


class ColumnAudit(msgspec.Struct, frozen=True, kw_only=True):
    """One protected column.

    reference: the largest group, which the others are compared with. proxies: every feature, the strongest first.
    told_by_all: AUC of telling `told_group`, the group told best, from all features together, on customers held out;
    None where there are no two groups of enough members.
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
    risk is off), or proxy (features tell the group from the others). features: the proxies, the surest first.
    text: a sentence by language (en, ja).
    """

    kind: Literal["false_alarms", "calibration", "proxy"]
    column: str
    group: str
    features: tuple[str, ...] = ()
    text: dict[str, str]


class FairnessAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit measured on `customers` held-out customers.

    horizon: in periods. max_ratio: the book's limit on false-alarm ratios. comparisons: how many of them were judged.
    expected_over_observed: of all these customers together, None where nobody churned.
    absent: why there is no audit, a sentence by language (en, ja); None where there is one.
    """

    customers: int
    horizon: int
    max_ratio: float
    comparisons: int
    expected_over_observed: float | None
    columns: tuple[ColumnAudit, ...]
    findings: tuple[Finding, ...]
    absent: dict[str, str] | None = None


def audit_fairness(
    book: Book, contract: Contract, protected: pl.DataFrame, assessments: Assessments, held_out: HeldOut
) -> FairnessAudit:
    """Compare what is said of the groups of each protected column, and what became of them.

    A customer is warned when its action is not `proceed`: a band alone costs nobody anything, and `do_not_chase` alone
    is too rare in most groups to be compared; its rates are in `actions`. The warning is a false alarm when the
    customer stays the horizon, unless it would not pay back however long it stayed: then the margin is at fault.

    Args:
        book: names the protected columns, the horizon and the limit.
        contract: of the features.
        protected: the protected columns of the m held-out customers, clean.
        assessments: of these m, by the live policy on their held-out survival; points are the exported model's.
        held_out: their survival curves and lifetimes.
    """
    people = _people(book, assessments, held_out)
    groupings = {column: group(protected[column], people.weight) for column in book.protected}
    measured = {column: measure(people, grouping) for column, grouping in groupings.items()}
    judged = [sum(one.judged for one in groups) for groups in measured.values()]
    comparisons = sum(max(groups - 1, 0) for groups in judged)
    columns = []
    for column, groups in measured.items():
        reference, levels = reference_of(groups), (joint(comparisons), joint(sum(judged)))
        compared = tuple(compare(people, contract.names, one, reference, *levels) for one in groups)
        columns.append(_column(contract, assessments.x, column, groupings[column], reference.name, compared))
    observed = float(people.weight @ people.churned)
    overall = float(people.weight @ people.expected) / observed if observed else None
    span = texts.span(people.horizon, book.source.period)
    return FairnessAudit(
        customers=round(float(people.weight.sum())),
        horizon=people.horizon,
        max_ratio=book.fairness.max_ratio,
        comparisons=comparisons,
        expected_over_observed=overall,
        columns=tuple(columns),
        findings=tuple(found for one in columns for found in _findings(one, book.fairness.max_ratio, overall, span)),
        absent=None if book.protected else texts.NOT_ASKED,
    )


def refuse_unfair(audit: FairnessAudit, book: Book) -> None:
    """Stop the fit where the book says so and a group is warned in vain too often.

    Raises:
        DataError: the first such finding, and the feature that carries most of the gap.
    """
    found = next((finding for finding in audit.findings if finding.kind == "false_alarms"), None)
    if book.fairness.action == "warn" or found is None:
        return
    column = next(one for one in audit.columns if one.column == found.column)
    carried = next(one for one in column.groups if one.group == found.group).carried_points
    feature = max(carried, key=carried.__getitem__)
    raise DataError(
        f"{book.path}: fairness: {found.text['en']} {feature} carries {carried[feature]:+.1f} points of the gap in "
        'risk; leave it out of [features], raise fairness.max_ratio, or set fairness.action = "warn"'
    )


def _people(book: Book, assessments: Assessments, held_out: HeldOut) -> People:
    horizon, lives = book.lifetime.horizons[0], held_out.lives
    return People(
        horizon=horizon,
        lives=lives,
        weight=held_out.weight,
        action=assessments.action,
        pays_back=assessments.value.cause != CAUSES.index("margin_negative"),
        points=assessments.points,
        risk=1.0 - held_out.survival[:, horizon - 1],
        expected=expected_events(held_out.survival[:, :horizon], lives),
        churned=within(lives, horizon),
    )


def _column(
    contract: Contract, x: Vector, column: str, grouping: Grouping, reference: str, groups: tuple[GroupAudit, ...]
) -> ColumnAudit:
    told = told_by_all(contract, x, *grouping)
    return ColumnAudit(
        column=column,
        reference=reference,
        groups=groups,
        proxies=proxies(contract, x, *grouping, {one.group: one.carried_points for one in groups}),
        told_by_all=told[1] if told else None,
        told_group=told[0] if told else None,
    )


def _findings(column: ColumnAudit, limit: float, overall: float | None, span: texts.Text) -> Iterator[Finding]:
    reference = next(one for one in column.groups if one.group == column.reference)
    judged = [one for one in column.groups if one.judged]
    for one in judged:
        yield from _unequal(column.column, one, reference, limit, span)
    for one in judged:
        yield from _uncalibrated(column.column, one, overall)
    for one in column.groups:
        yield from _told(column, one)


def _unequal(column: str, one: GroupAudit, reference: GroupAudit, limit: float, span: texts.Text) -> Iterator[Finding]:
    """Either group may be the one that is warned in vain more often."""
    times = one.false_alarm_ratio
    if times is None or one.false_alarms is None or reference.false_alarms is None:
        return
    worse, better = (one.group, one.false_alarms.value), (reference.group, reference.false_alarms.value)
    if times.high < 1.0 / limit:
        worse, better = better, worse
        times = Estimate(1.0 / times.value, 1.0 / times.high, 1.0 / times.low if times.low else math.inf)
    if times.low > limit:
        text = texts.false_alarms(column, worse, better, times, limit, span)
        yield Finding(kind="false_alarms", column=column, group=worse[0], text=text)


def _uncalibrated(column: str, one: GroupAudit, all_customers: float | None) -> Iterator[Finding]:
    found = one.expected_over_observed
    if found is None or all_customers is None:
        return
    if found.low / all_customers > CALIBRATED or found.high / all_customers < 1.0 / CALIBRATED:
        text = texts.calibration(column, one.group, found, all_customers)
        yield Finding(kind="calibration", column=column, group=one.group, text=text)


def _told(column: ColumnAudit, one: GroupAudit) -> Iterator[Finding]:
    told_by = [proxy for proxy in column.proxies if proxy.found and proxy.group == one.group]
    if not told_by:
        return
    by_all = column.told_by_all if column.told_group == one.group else None
    listed = [(proxy.feature, proxy.auc, proxy.carried_points) for proxy in told_by]
    text = texts.proxy(column.column, one.group, listed, one.gap_points, by_all)
    features = tuple(proxy.feature for proxy in told_by)
    yield Finding(kind="proxy", column=column.column, group=one.group, features=features, text=text)
