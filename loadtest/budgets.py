"""What `make load` measured of each kind of request, and the budgets it is held to."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from loadtest.errors import LoadtestError
from loadtest.verdicts import Bar, Verdict

BUDGETS = Path(__file__).with_name("budgets.toml")

Budgets = dict[str, dict[str, Bar]]
"""Bars by kind of request and figure."""


class Figures(msgspec.Struct, frozen=True):
    """What came of one kind of request."""

    name: str
    requests: int
    failures_share: float
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class _Entry(msgspec.Struct, frozen=True):
    """One entry of locust's statistics: `response_times` counts answers by their time in ms."""

    name: str
    num_requests: int
    num_failures: int
    start_time: float
    last_request_timestamp: float | None
    response_times: dict[float, int]


def figures_of(statistics: bytes) -> list[Figures]:
    """The figures in what `locust --json-file` writes."""
    entries = msgspec.json.decode(statistics, type=list[_Entry], strict=False)
    return [
        Figures(
            name=entry.name,
            requests=entry.num_requests,
            failures_share=entry.num_failures / entry.num_requests,
            per_s=entry.num_requests / max((entry.last_request_timestamp or 0) - entry.start_time, 1.0),
            p50_ms=_quantile(entry.response_times, 0.5),
            p95_ms=_quantile(entry.response_times, 0.95),
            p99_ms=_quantile(entry.response_times, 0.99),
        )
        for entry in entries
    ]


def _quantile(counts: dict[float, int], share: float) -> float:
    """The least value that `share` of the counted are not above."""
    needed = share * sum(counts.values())
    for value in sorted(counts):
        needed -= counts[value]
        if needed <= 0:
            return value
    return math.nan


def read_budgets(path: Path) -> Budgets:
    """The budgets in a TOML file.

    Raises:
        LoadtestError: it does not read, or budgets a figure that there is none of.
    """
    try:
        budgets = msgspec.toml.decode(path.read_bytes(), type=Budgets)
    except msgspec.DecodeError as error:
        raise LoadtestError(f"{path}: {error}") from error
    unknown = {figure for bars in budgets.values() for figure in bars} - set(Figures.__struct_fields__)
    if unknown:
        raise LoadtestError(f"{path}: no such figure: {', '.join(sorted(unknown))}")
    return budgets


def judge(figures: list[Figures], budgets: Budgets) -> list[Verdict]:
    """Every budget beside its figure, which is NaN, and so breaks it, for a kind of request that was not seen.

    Raises:
        LoadtestError: a kind of request has no budget.
    """
    by_name = {each.name: each for each in figures}
    if loose := by_name.keys() - budgets.keys():
        raise LoadtestError(f"no budget for: {', '.join(sorted(loose))}")
    return [
        Verdict(f"{kind}: {figure}", getattr(by_name[kind], figure) if kind in by_name else math.nan, bar)
        for kind, bars in budgets.items()
        for figure, bar in bars.items()
    ]
