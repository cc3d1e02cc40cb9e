"""`make soak`: a million requests of every kind leave the memory of the worker, and of its store, where it was."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import uvloop
from rich.console import Console
from rich.progress import Progress

from loadtest.errors import LoadtestError
from loadtest.memory import Line, Sample, drawn, fitted
from loadtest.processes import end_with_us, resident_mb, two_cores
from loadtest.stage import HERE, Service, gatekeeper, prepare
from loadtest.traffic.arrivals import Pool
from loadtest.traffic.client import Connection, Target
from loadtest.traffic.prospects import Api, Features, made_up
from loadtest.verdicts import OUT, Bar, Row, Verdict, console, report, show

PROSPECTS = 1000
"""The same ones all the time: what the store holds of them must not grow."""

CONNECTIONS = 16
BATCH = 20
SAMPLES = 400

WARM_UP_SHARE = 0.2
"""Requests that are not looked at: pools, caches and the allocator's arenas fill to what traffic takes."""

BYTES_A_REQUEST = 8
"""Half of the smallest object that Python can leak: who keeps anything at all of every request is found."""

COMES_AND_GOES_MB = 4.0
"""Whatever the number of requests: Python takes memory in arenas of 1 MiB, and a batch a few at once."""


class Kind(NamedTuple):
    """A kind of request: its weight, how number n of it is made, and the statuses that are right for it."""

    name: str
    weight: int
    make: Callable[[int], bytes]
    expected: tuple[int, ...]


def kinds(target: Target, prospects: list[Features]) -> list[Kind]:
    """All that clients send. What can be new in every request is: ids, features' names, paths, keys.

    503 is right where there is no answer without the store, and a busy machine keeps it waiting.
    """

    def known(number: int) -> str:
        return f"soak-{number % PROSPECTS}"

    def score(**body: object) -> bytes:
        return target.request("POST", "/v1/score", json.dumps(body).encode())

    def batch(number: int) -> bytes:
        entries = [{"prospect_id": known(number * BATCH + place)} for place in range(BATCH)]
        return target.request("POST", "/v1/score/batch", json.dumps({"prospects": entries}).encode())

    def features(number: int) -> str:
        return f"/v1/prospects/{known(number)}/features"

    def erased(number: int) -> str:
        return f"/v1/prospects/erased-{number % PROSPECTS}/features"  # who is erased can be neither stored nor scored

    def sent(number: int) -> Features:
        return prospects[number % PROSPECTS]

    return [
        Kind("stored", 44, lambda n: score(prospect_id=known(n)), (200,)),
        Kind("sent", 20, lambda n: score(prospect_id=f"sent-{n}", features=sent(n)), (200,)),
        Kind("unknown", 8, lambda n: score(prospect_id=f"unknown-{n}"), (200,)),
        Kind("put", 8, lambda n: target.request("PUT", features(n), json.dumps(sent(n)).encode()), (200, 503)),
        Kind("get", 4, lambda n: target.request("GET", features(n)), (200, 404, 503)),
        Kind("delete", 4, lambda n: target.request("DELETE", erased(n)), (204, 503)),
        Kind("batch", 4, batch, (200,)),
        Kind("malformed", 4, lambda n: score(prospect_id=known(n), features={f"no-such-{n}": n}), (400,)),
        Kind("no such path", 2, lambda n: target.request("GET", f"/v1/no-such-{n}"), (404,)),
        Kind("no such key", 2, lambda n: target._replace(key=f"no-such-{n}").request("GET", "/v1/model"), (401,)),
    ]


def main(arguments: list[str]) -> int:
    """Measure; 1 when memory grows or an answer is not what it should be, 2 when the run could not be made."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many (default: 1,000,000)")
    count = parser.parse_args(arguments).requests
    end_with_us()
    try:
        served, loading = two_cores()
        with gatekeeper(prepare(HERE / "telco"), HERE / "soak.log", cores=[served], drained_on=[loading]) as service:
            os.sched_setaffinity(0, [loading])
            samples, wrong = uvloop.run(_soak(service, count))
    except LoadtestError as error:
        console.print(str(error), markup=False)
        return 2
    except KeyboardInterrupt:
        return 130
    settled = [sample for sample in samples if sample.requests >= WARM_UP_SHARE * count]
    lines, title = fitted(settled), f"Resident memory over {count:,} requests"
    report("soak", f"{title}, after {WARM_UP_SHARE:.0%} of them to warm up", [_row(*each) for each in lines.items()])
    (OUT / "soak.svg").write_text(drawn(title, samples, lines), "utf-8")
    code = show("Bars", verdicts(lines, wrong))
    Console().print(f"Drawn: {OUT / 'soak.svg'}")
    return code


def verdicts(lines: Mapping[str, Line], wrong: Mapping[str, int]) -> list[Verdict]:
    """Each process' growth beside what it may grow by in so many requests, and the answers that were wrong."""
    told = ", ".join(f"{times} x {what}" for what, times in wrong.items())
    return [
        *(
            Verdict(f"{name}, MB per million requests", line.mb_per_million, _growth(line))
            for name, line in lines.items()
        ),
        Verdict(
            "answers of a wrong status",
            sum(wrong.values()),
            Bar(at_most=0, why=told or "every kind of request has its own"),
        ),
    ]


def _growth(line: Line) -> Bar:
    allowed = BYTES_A_REQUEST + COMES_AND_GOES_MB / (line.last - line.first) * 1e6
    return Bar(at_most=allowed, why=f"{BYTES_A_REQUEST} bytes a request, and {COMES_AND_GOES_MB:g} MB that come and go")


def _row(name: str, line: Line) -> Row:
    return {
        "name": name,
        "start_mb": line.start_mb,
        "end_mb": line.end_mb,
        "mb_per_million_requests": line.mb_per_million,
    }


async def _soak(service: Service, count: int) -> tuple[list[Sample], Counter[str]]:
    """Send `count` requests as fast as they are answered; samples of memory, and the answers of a wrong status."""
    target, api = Target.of(service.url, service.key), Api(service.url, service.key)
    prospects = made_up(api.model(), PROSPECTS)
    api.publish([(f"soak-{number}", features) for number, features in enumerate(prospects)])
    api.close()
    watched = {"worker": service.workers[0], "store": service.store}
    if service.background is not None:
        watched["background"] = service.background
    samples: list[Sample] = []
    wrong: Counter[str] = Counter()
    turns = _turns(kinds(target, prospects), count)

    async def ask_on(connection: Connection) -> None:
        for number, kind, request in turns:
            reply = await connection.ask(request)
            if reply.status not in kind.expected:
                wrong[f"{kind.name}: {reply.status}"] += 1
            if not connection.open:
                raise LoadtestError(f"the service closed a connection after request {number:,}")
            if number % max(count // SAMPLES, 1) == 0:
                samples.append(Sample(number, {name: resident_mb(pid) for name, pid in watched.items()}))
                progress.update(task, completed=number)

    with Progress(console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("soak", total=count)
        pool = await Pool.of(target, CONNECTIONS)
        await asyncio.gather(*(ask_on(connection) for connection in pool.free))
        pool.close()
    return samples, wrong


def _turns(mix: list[Kind], count: int) -> Iterator[tuple[int, Kind, bytes]]:
    """`count` requests in an order drawn by their weights, each with its number and its kind."""
    chance = random.Random(0)  # noqa: S311  nothing is kept secret by it
    order = chance.choices(mix, [kind.weight for kind in mix], k=count)
    numbers = {kind.name: itertools.count() for kind in mix}
    for number, kind in enumerate(order):
        yield number, kind, kind.make(next(numbers[kind.name]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
