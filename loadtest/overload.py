"""`make overload`: what is accepted keeps its latency, what is not is told so at once, and nobody can hold a worker."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from statistics import median
from typing import NamedTuple

import numpy as np
import uvloop
from rich.progress import Progress

from loadtest.errors import LoadtestError
from loadtest.processes import end_with_us, two_cores
from loadtest.stage import HERE, gatekeeper, prepare
from loadtest.traffic.arrivals import Shots, closed_loop, open_loop
from loadtest.traffic.client import Target, connect
from loadtest.traffic.hostile import hostility
from loadtest.traffic.prospects import Api, made_up
from loadtest.verdicts import Bar, Row, Verdict, console, report, show

PROSPECTS = 1000
FULL_CONNECTIONS = 32
"""Connections that between them always have a request waiting, and few enough that none of it is refused."""

OPEN_CONNECTIONS = 512
"""More than any queue that still answers in time; arrivals beyond them wait, and their latency counts it."""

PROBES_PER_S = 20.0
HEALTH = ("/health/live", "/health/ready")

OK, BUSY = 200, 503

RATIO = Bar(at_most=3.0, why="what is accepted keeps its latency")
BARS = {
    "p99 of accepted at 2x, over that at half": RATIO,
    "p99 of accepted at 4x, over that at half": RATIO,
    "p99 of 503s at 2x, ms": Bar(at_most=5.0, why="a refusal at once leaves time to ask another instance"),
    "p99 of 503s at 4x, ms": Bar(at_most=5.0, why="the same, further out"),
    "503s that carry Retry-After": Bar(at_least=1.0, why="a client must know when to come back"),
    "answered at 2x, of capacity": Bar(at_least=0.7, why="who refuses everybody is fast too"),
    "neither 200 nor 503": Bar(at_most=0.0, why="no request is dropped or broken"),
    "p99 of health, ms": Bar(at_most=1000.0, why="Kubernetes gives a probe 1 s unless told otherwise"),
    "health answers that are not 200": Bar(at_most=0.0, why="a busy worker must not be restarted"),
    "p99 beside hostile clients, over that at half": Bar(at_most=2.0, why="they cost something, but hold nobody up"),
    "oversized bodies neither answered 413 nor 503": Bar(at_most=0.0, why="refused, and told so"),
    "the generator's share of its core": Bar(at_most=0.8, why="above, it would measure itself"),
    "p99 of the generator's lag, ms": Bar(at_most=2.0, why="above, the machine was too busy to judge the others by"),
}


class Phase(NamedTuple):
    """A stretch of traffic: how many times capacity, and whether hostile clients are about."""

    name: str
    load: float
    hostile: bool = False


PHASES = (Phase("half", 0.5), Phase("2x", 2.0), Phase("hostile", 0.5, hostile=True), Phase("4x", 4.0))


class Outcome(NamedTuple):
    """What came of one phase."""

    phase: Phase
    shots: Shots
    health: list[Shots]
    oversized: list[int]


def main(arguments: list[str]) -> int:
    """Measure; 1 when a bar is missed, 2 when the run could not be made."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each phase takes (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each comes; medians count (default: 3)")
    given = parser.parse_args(arguments)
    end_with_us()
    try:
        served, loading = two_cores()
        prepared = prepare(HERE / "telco")
        with gatekeeper(prepared, HERE / "overload.log", cores=[served]) as service:
            os.sched_setaffinity(0, [loading])
            target, requests = Target.of(service.url, service.key), _requests(service.url, service.key)
            capacity, outcomes = uvloop.run(_measure(target, requests, given.seconds, given.rounds))
    except LoadtestError as error:
        console.print(str(error), markup=False)
        return 2
    except KeyboardInterrupt:
        return 130
    rows = [_row(capacity, [each for each in outcomes if each.phase == phase]) for phase in PHASES]
    report("overload", f"Beyond a capacity of {capacity:,.0f} answers/s, and beside hostile clients", rows)
    return show("Bars", verdicts(capacity, outcomes))


def _requests(url: str, key: str) -> list[bytes]:
    """A request for each of PROSPECTS, whose features are stored."""
    api, target = Api(url, key), Target.of(url, key)
    api.publish([(f"overload-{number}", each) for number, each in enumerate(made_up(api.model(), PROSPECTS))])
    api.close()
    bodies = [json.dumps({"prospect_id": f"overload-{number}"}).encode() for number in range(PROSPECTS)]
    return [target.request("POST", "/v1/score", body) for body in bodies]


async def _measure(target: Target, requests: list[bytes], seconds: float, rounds: int) -> tuple[float, list[Outcome]]:
    """Answers a second at capacity, and what came of every phase, the rounds one after another."""
    gc.disable()  # a pause of ours is no latency of theirs; some hundred MB is all that it costs
    turns = itertools.cycle(requests)
    await closed_loop(target, turns, seconds / 3, FULL_CONNECTIONS)
    capacity = median([await closed_loop(target, turns, seconds / 3, FULL_CONNECTIONS) for _ in range(3)])
    if not capacity:
        raise LoadtestError("the service answers nothing at all")
    with Progress(console=console, disable=not sys.stderr.isatty()) as progress:
        turn = [phase for _ in range(rounds) for phase in PHASES]
        return capacity, [
            await _run(target, requests, phase, capacity, seconds)
            for phase in progress.track(turn, description="overload")
        ]


async def _run(target: Target, requests: list[bytes], phase: Phase, capacity: float, seconds: float) -> Outcome:
    clients = hostility(target) if phase.hostile else _nobody()
    async with clients as oversized:
        shots, *health = await asyncio.gather(
            open_loop(target, requests, phase.load * capacity, seconds, OPEN_CONNECTIONS),
            *(open_loop(target, [target.request("GET", path)], PROBES_PER_S, seconds, 16) for path in HEALTH),
        )
    await _caught_up(target, requests[0])
    return Outcome(phase, shots, health, oversized)


async def _caught_up(target: Target, request: bytes) -> None:
    """Return when what a phase left in the queue is done: it is not the next one's."""
    connection = await connect(target)
    await connection.ask(request)
    connection.close()


@contextlib.asynccontextmanager
async def _nobody() -> AsyncIterator[list[int]]:
    yield []


def verdicts(capacity: float, outcomes: list[Outcome]) -> list[Verdict]:
    """Every bar beside its figure, of each kind of phase the median of the rounds; NaN where there was nothing."""

    def of(name: str) -> Iterator[Shots]:
        return (outcome.shots for outcome in outcomes if outcome.phase.name == name)

    def p99(name: str, status: int = OK) -> float:
        return float(np.median([shots.quantile_ms(0.99, status) for shots in of(name)]))

    everything = [shots for outcome in outcomes for shots in (outcome.shots, *outcome.health)]
    health = [shots for outcome in outcomes for shots in outcome.health]
    refused = sum(int((shots.status == BUSY).sum()) for shots in everything)
    told = sum(int(shots.retry_after[shots.status == BUSY].sum()) for shots in everything)
    oversized = [status for outcome in outcomes for status in outcome.oversized]
    measured = (
        p99("2x") / p99("half"),
        p99("4x") / p99("half"),
        p99("2x", BUSY),
        p99("4x", BUSY),
        told / refused if refused else math.nan,
        float(np.median([shots.per_s(OK) for shots in of("2x")])) / capacity,
        sum(int(((shots.status != OK) & (shots.status != BUSY)).sum()) for shots in everything),
        max(shots.quantile_ms(0.99, OK) for shots in health),
        sum(int((shots.status != OK).sum()) for shots in health),
        p99("hostile") / p99("half"),
        sum(status not in {413, BUSY} for status in oversized) if oversized else math.nan,
        max(shots.generator_share for shots in everything),
        float(np.median([np.quantile(outcome.shots.lag_ms, 0.99) for outcome in outcomes])),
    )
    return [Verdict(name, figure, bar) for (name, bar), figure in zip(BARS.items(), measured, strict=True)]


def _row(capacity: float, rounds: list[Outcome]) -> Row:
    """The figures of a phase: medians of its rounds."""

    def of(figure: Callable[[Outcome], float]) -> float:
        return float(np.median([figure(outcome) for outcome in rounds]))

    return {
        "name": rounds[0].phase.name,
        "arrivals_per_s": rounds[0].phase.load * capacity,
        "accepted_share": of(lambda outcome: outcome.shots.share(OK)),
        "accepted_p50_ms": of(lambda outcome: outcome.shots.quantile_ms(0.5, OK)),
        "accepted_p99_ms": of(lambda outcome: outcome.shots.quantile_ms(0.99, OK)),
        "refused_share": of(lambda outcome: outcome.shots.share(BUSY)),
        "refused_p50_ms": of(lambda outcome: outcome.shots.quantile_ms(0.5, BUSY)),
        "refused_p99_ms": of(lambda outcome: outcome.shots.quantile_ms(0.99, BUSY)),
        "live_p99_ms": of(lambda outcome: outcome.health[0].quantile_ms(0.99, OK)),
        "ready_p99_ms": of(lambda outcome: outcome.health[1].quantile_ms(0.99, OK)),
        "generator_lag_p99_ms": of(lambda outcome: float(np.quantile(outcome.shots.lag_ms, 0.99))),
        "generator_core_share": of(lambda outcome: outcome.shots.generator_share),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
