from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from loadtest.budgets import BUDGETS, Figures, figures_of, judge, read_budgets
from loadtest.errors import LoadtestError
from loadtest.verdicts import Bar, Verdict, show

FAST = Figures("look", requests=100, failures_share=0.0, per_s=50.0, p50_ms=2.0, p95_ms=3.0, p99_ms=4.0)


def entry(name: str, response_times: dict[str, int], failures: int = 0, seconds: float = 10.0) -> dict[str, object]:
    """One entry of locust's statistics, as its JSON has it."""
    return {
        "name": name,
        "num_requests": sum(response_times.values()),
        "num_failures": failures,
        "start_time": 100.0,
        "last_request_timestamp": 100.0 + seconds,
        "response_times": response_times,
    }


def test_figures_are_read_off_the_counts_of_response_times() -> None:
    [figures] = figures_of(msgspec.json.encode([entry("look", {"1.5": 94, "10.0": 4, "250.0": 2}, failures=5)]))
    assert figures == Figures("look", 100, 0.05, 10.0, 1.5, 10.0, 250.0)


@pytest.mark.parametrize(
    ("figure", "bar"),
    [
        ("p50_ms", Bar(at_most=1.9, why="")),
        ("p95_ms", Bar(at_most=2.9, why="")),
        ("p99_ms", Bar(at_most=3.9, why="")),
        ("failures_share", Bar(at_most=-0.1, why="")),
        ("per_s", Bar(at_least=51, why="")),
    ],
)
def test_a_broken_budget_fails_the_run_and_is_named(figure: str, bar: Bar, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = judge([FAST], {"look": {figure: bar}})
    assert show("Budgets", verdicts) == 1
    assert f"missed: look: {figure}: " in capsys.readouterr().out


def test_a_run_within_its_budgets_passes(capsys: pytest.CaptureFixture[str]) -> None:
    budgets = {"look": {"p99_ms": Bar(at_most=4.0, why="in time"), "per_s": Bar(at_least=50.0, why="enough")}}
    assert show("Budgets", judge([FAST], budgets)) == 0
    assert "missed" not in capsys.readouterr().out


def test_a_kind_of_request_that_was_never_sent_breaks_its_budgets() -> None:
    [verdict] = judge([], {"look": {"p99_ms": Bar(at_most=4.0, why="")}})
    assert math.isnan(verdict.measured)
    assert not verdict.met


def test_a_kind_of_request_without_a_budget_is_refused() -> None:
    with pytest.raises(LoadtestError, match="no budget for: look"):
        judge([FAST], {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[look]\np98_ms = { at_most = 1, why = "" }', "no such figure: p98_ms"),
        ('[look]\np99_ms = { at_most = "fast", why = "" }', "Expected `float`"),
        ("[look]\np99_ms = { at_most = 1 }", "missing required field `why`"),
        ("look", "budgets.toml"),
    ],
)
def test_budgets_that_do_not_read_are_refused(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "budgets.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(LoadtestError, match=fault):
        read_budgets(path)


def test_every_budget_has_a_limit_and_a_reason() -> None:
    bars = [bar for bars in read_budgets(BUDGETS).values() for bar in bars.values()]
    assert bars
    assert all(bar.why and (bar.at_most < math.inf or bar.at_least > -math.inf) for bar in bars)


def test_what_could_not_be_measured_meets_no_bar() -> None:
    assert not Verdict("nothing came", math.nan, Bar(at_most=1.0, why="")).met
