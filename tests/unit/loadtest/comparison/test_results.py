"""What the rounds come to, computed by hand."""

from __future__ import annotations

import pytest

from loadtest.comparison.contestant import Contestant, Round
from loadtest.comparison.parity import of_peer
from loadtest.comparison.results import Bar, bars, ratio, row


def rounds(*answers_per_s: float, p50_ms: float = 1.0, p99_ms: float = 1.5) -> list[Round]:
    return [Round(rate, p50_ms, p99_ms, 9.0, 100.0) for rate in answers_per_s]


PLAYED = {
    "bare-asgi": rounds(10_000, 20_000, 1000),
    "bare-asgi-1conn": rounds(1000, 1000, 1000, p50_ms=0.2),
    "gatekeeper-stored": rounds(5000, 8000, 500),
    "gatekeeper-stored-1conn": rounds(900, 900, 900),
    "fastapi-sklearn": rounds(100, 100, 10),
    "fastapi-onnx": rounds(2000, 4000, 200),
}


def test_a_ratio_is_that_of_neighbouring_rounds_and_not_of_medians() -> None:
    assert ratio(PLAYED, "answers_per_s", "gatekeeper-stored", "bare-asgi") == 0.5


def test_a_row_holds_medians_and_ratios_to_the_bare_application() -> None:
    contestant = Contestant("gatekeeper-stored-1conn", "", [], of_peer, 0, beside="bare-asgi-1conn", connections=1)
    found = row(contestant, PLAYED)
    assert (found.answers_per_s, found.throughput_to_bare, found.p50_to_bare) == (900, 0.9, 5.0)
    assert (found.connections, found.p999_ms, found.cpu_us_per_answer) == (1, 9.0, 100.0)


def test_the_bars_are_those_of_the_design() -> None:
    judged = bars(PLAYED, degraded_share=0.0, free_cores=1)
    assert [(bar.figure, bar.relation, bar.limit) for bar in judged] == [
        (0.5, ">=", 0.30),
        (50, ">=", 40),
        (2.5, ">=", 2),
        (1.5, "<=", 2),
        (5.0, "<=", 5),
        (0.0, "<=", 0.001),
    ]
    assert all(bar.met for bar in judged)


@pytest.mark.parametrize("relation", [">=", "<="])
def test_a_bar_that_is_reached_exactly_is_met_and_one_beyond_it_is_missed(relation: str) -> None:
    beyond = 1.9 if relation == ">=" else 2.1
    assert Bar("x", 2, relation, 2).met  # type: ignore[arg-type]
    missed = Bar("x", beyond, relation, 2)  # type: ignore[arg-type]
    assert not missed.met
    assert str(missed).startswith("MISSED")


def test_two_workers_are_judged_only_where_each_has_a_core_and_width_only_where_it_was_measured() -> None:
    played = PLAYED | {
        "gatekeeper-2workers": rounds(9000, 16_000, 950),
        "gatekeeper-200-features-1conn": rounds(1, 1, 1, p50_ms=2.5),
    }
    more = bars(played, degraded_share=0.0, free_cores=2)[6:]
    assert [(bar.figure, bar.met) for bar in more] == [(2.5, False), (1.9, True)]
    assert len(bars(played, degraded_share=0.0, free_cores=1)) == 7
