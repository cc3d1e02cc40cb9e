"""A contestant of the comparison: where it listens, what it is asked, and what comes of a round."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from loadtest import wrk
from loadtest.comparison.parity import Answer, difference
from loadtest.errors import LoadtestError
from loadtest.processes import cpu_seconds, family

CONNECTIONS = 16

EVERY = 11
"""Of the requests each 11th is checked: of the sample's 7,043 customers 641, evenly spread."""


class Contestant(NamedTuple):
    """Who takes part.

    name: its row in the table.
    url: what is posted to.
    bodies: the requests; together they ask about every prospect, in the order of the book.
    read: an answer's JSON as an answer for each prospect of the request.
    pid: the process that started all others of its.
    beside: the bare application's row that it is measured against.
    """

    name: str
    url: str
    bodies: list[bytes]
    read: Callable[[Any], list[Answer]]
    pid: int
    beside: str = "bare-asgi"
    headers: Mapping[str, str] = {}
    connections: int = CONNECTIONS
    prospects_each: int = 1

    def check(self, right: Mapping[str, Answer]) -> int:
        """Compare every 11th request's answers with the right ones; how many there were.

        Raises:
            LoadtestError: one is not to be had, or differs; says whose, and how.
        """
        prospects, checked = iter(right), 0
        with httpx.Client(headers=dict(self.headers), timeout=wrk.TIMEOUT_S) as client:
            for place, body in enumerate(self.bodies):
                asked = list(islice(prospects, self.prospects_each))
                if place % EVERY:
                    continue
                for prospect_id, given in zip(asked, self.read(_post(client, self.url, body)), strict=True):
                    fault = difference(right[prospect_id], given)
                    if fault:
                        raise LoadtestError(f"{self.name} answers otherwise for {prospect_id}: {fault}")
                    checked += 1
        return checked

    def play(self, seconds: int) -> Round:
        """One round of so many seconds, with wrk on the cores of the calling process."""
        pids = family(self.pid)
        before = cpu_seconds(pids)
        with tempfile.NamedTemporaryFile() as file:
            file.writelines(body + b"\n" for body in self.bodies)
            file.flush()
            bodies = Path(file.name)
            done = wrk.run(self.url, bodies, connections=self.connections, seconds=seconds, headers=self.headers)
        answers = done.requests * self.prospects_each
        used = cpu_seconds(pids) - before
        return Round(answers / done.seconds, done.p50_ms, done.p99_ms, done.p999_ms, used * 1e6 / answers)


class Round(msgspec.Struct, frozen=True):
    """What one round measured. The percentiles are of requests, the rest is per prospect answered."""

    answers_per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us_per_answer: float


def _post(client: httpx.Client, url: str, body: bytes) -> Any:
    answer = client.post(url, content=body, headers={"Content-Type": "application/json"})
    if answer.status_code != httpx.codes.OK:
        raise LoadtestError(f"{url}: answers {answer.status_code} {answer.text[:300]}")
    return answer.json()
