"""A back-test as tables for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.console import Group as Lines
from rich.table import Table

from training.backtest.backtest import Backtest, Group
from training.backtest.curve import LEADS, ROUND, Curve
from training.backtest.figures import Estimate

WIDTH = 130
"""Characters that the widest table takes."""

SHARES = np.arange(0.05, 1.0, 0.1)
"""Shares turned away at which the curve by net value is told."""


def show(tested: Backtest) -> None:
    """Print what a back-test found on stdout, as wide as it needs where nobody looks at a terminal."""
    Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False).print(_tables(tested))


def _tables(tested: Backtest) -> RenderableType:
    unit = f"{tested.currency} per {LEADS} leads"
    return Lines(
        tested.on["en"],
        f"{tested.customers:,.0f} customers, {tested.churned:,.0f} of them churned. Of {tested.value_horizon} "
        f"{tested.period}s that count, {tested.periods} were observed. Brackets are 95 % intervals.",
        f"Taking everybody brought in {_money(tested.taking_all)} {tested.currency} a head, net of closing cost; "
        f"{tested.predicted:,.0f} were predicted.",
        _rules(tested),
        *_place(tested, unit),
        *(_curve(curve, unit) for curve in tested.curves),
        *(f"- {note['en']}" for note in tested.notes),
    )


def _place(tested: Backtest, unit: str) -> Iterator[str]:
    place, best = tested.place, tested.curves[0].best
    share = best.share
    yield (
        f"The policy turns away {place.share:.1%} and gains {_money(place.gain)} {unit}; "
        f"{_share(place.paid_back)} of them paid back."
    )
    yield (
        f"The best point by net value turns away {share.value:.1%} [{share.low_95:.1%}, {share.high_95:.1%}] "
        f"and gains {_money(best.gain)} {unit}, {_money(place.behind_best)} more than the policy."
    )


def _rules(tested: Backtest) -> Table:
    table = Table(title="If all whom a rule hits were turned away", title_justify="left", box=SIMPLE_HEAD)
    currency = tested.currency
    for column in ("rule", "action"):
        table.add_column(column, no_wrap=True)
    for column in ("customers", "share", f"predicted, {currency}", f"realised, {currency}", f"saved, {currency}"):
        table.add_column(column, justify="right")
    table.add_column("paid back", justify="right")
    for rule in tested.rules:
        table.add_row(*_rule(rule))
    return table


def _rule(rule: Group) -> Iterator[str]:
    yield from (rule.name, rule.action, f"{rule.customers:,.0f}", f"{rule.share:.1%}")
    yield "-" if rule.predicted is None else f"{rule.predicted:,.0f}"
    yield "-" if rule.realised is None else _money(rule.realised)
    yield "-" if rule.saved is None else f"{rule.saved.value:,.0f}"
    back = rule.paid_back
    yield "-" if back is None else f"{back.value:.1%} [{back.low_95:.1%}, {back.high_95:.1%}]"


def _curve(curve: Curve, unit: str) -> Table:
    title, first = {
        "net_value": ("Turning away by predicted net value", "net value below"),
        "risk": ("Turning away by risk", "risk from"),
    }[curve.by]
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in (first, "turned away", f"gain, {unit}", "of them paid back"):
        table.add_column(column, justify="right")
    for point in _told(curve):
        gain = f"{curve.gain[point]:,.0f} [{curve.low_95[point]:,.0f}, {curve.high_95[point]:,.0f}]"
        mark = " (best)" if point == curve.best.point else ""
        table.add_row(
            _threshold(curve, point) + mark, f"{curve.share[point]:.1%}", gain, _share(curve.paid_back[point])
        )
    return table


def _threshold(curve: Curve, point: int) -> str:
    threshold = curve.threshold[point]
    if threshold is None:
        return "everybody" if point else "nobody"
    return f"{threshold:,.0f}" if curve.by == "net_value" else f"{threshold:.2f}"


def _told(curve: Curve) -> list[int]:
    """The points of a curve that are printed: round thresholds, some shares of net value, and the best."""
    told = {point for point, threshold in enumerate(curve.threshold) if threshold in ROUND[curve.by].tolist()}
    if curve.by == "net_value":
        told |= set(np.searchsorted(curve.share[:-1], SHARES).tolist())
    return sorted(told | {0, curve.best.point, len(curve.share) - 1})


def _money(figure: Estimate) -> str:
    return f"{figure.value:,.0f} [{figure.low_95:,.0f}, {figure.high_95:,.0f}]"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
