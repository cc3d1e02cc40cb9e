from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loadtest.overload import BARS, PHASES, Outcome, Phase, verdicts
from loadtest.traffic.arrivals import Shots

CAPACITY = 1000.0


def shots(accepted_ms: float, refused: int = 0, *, refused_ms: float = 1.0, told: bool = True) -> Shots:
    """2,000 arrivals of which some are refused."""
    status = np.full(2000, 200)
    status[:refused] = 503
    latency_ms = np.where(status == 503, refused_ms, accepted_ms)
    retry_after = (status == 503) & told
    return Shots(status, latency_ms, np.zeros(2000), retry_after, 1.0, 0.3)


def outcome(phase: Phase, **changed: Any) -> Outcome:
    """A phase as it should go: what is too much is refused at once, the rest is as fast as at half load."""
    good = shots(4.0, 0 if phase.load < 1 else 1000)
    probes = [shots(2.0), shots(2.0)]
    return Outcome(phase, good, probes, [413] if phase.hostile else [])._replace(**changed)


def missed(**changed: Any) -> set[str]:
    """The bars that are missed when the phase at twice capacity went otherwise."""
    outcomes = [outcome(phase, **(changed if phase.name == "2x" else {})) for phase in PHASES]
    return {verdict.name for verdict in verdicts(CAPACITY, outcomes) if not verdict.met}


def test_a_service_that_refuses_in_time_meets_every_bar() -> None:
    assert missed() == set()


@pytest.mark.parametrize(
    ("went", "broken"),
    [
        (shots(13.0, 1000), {"p99 of accepted at 2x, over that at half"}),
        (shots(4.0, 1000, refused_ms=6.0), {"p99 of 503s at 2x, ms"}),
        (shots(4.0, 1000, told=False), {"503s that carry Retry-After"}),
        (shots(4.0, 1900), {"answered at 2x, of capacity"}),
    ],
)
def test_each_bar_can_be_missed(went: Shots, broken: set[str]) -> None:
    assert missed(shots=went) == broken


def test_a_service_that_never_refuses_misses_the_bars_of_refusals() -> None:
    outcomes = [outcome(phase)._replace(shots=shots(4.0)) for phase in PHASES]
    broken = {verdict.name for verdict in verdicts(CAPACITY, outcomes) if not verdict.met}
    assert broken == {"p99 of 503s at 2x, ms", "p99 of 503s at 4x, ms", "503s that carry Retry-After"}


def test_health_that_is_refused_or_late_is_a_miss() -> None:
    assert missed(health=[shots(2.0, 1), shots(2.0)]) == {"health answers that are not 200"}
    assert missed(health=[shots(2.0), shots(1500.0)]) == {"p99 of health, ms"}


def test_an_oversized_body_that_is_not_refused_is_a_miss() -> None:
    assert missed(oversized=[413, 200]) == {"oversized bodies neither answered 413 nor 503"}


def test_every_bar_has_a_reason() -> None:
    assert all(bar.why for bar in BARS.values())
