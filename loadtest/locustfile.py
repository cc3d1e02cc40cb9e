"""Traffic as a CRM makes it, over a day that takes two minutes.

By itself, against any deployment whose key may score and write features:

    LOADTEST_KEY=... python -m locust -f loadtest/locustfile.py --host https://gatekeeper.example --html day.html

It makes prospects up from the live model's description, under ids that start with `load-`, and erases them in the end.
"""

from __future__ import annotations

import itertools
import logging
from typing import Any, NamedTuple

from locust import LoadTestShape, User, events, stats
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtest.traffic.crm import KNOWN, LeadSource, NightBatch, Rep, key, known, new_ids
from loadtest.traffic.prospects import Api, made_up


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_options(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument("--day-seconds", type=float, default=120.0, help="how long the day takes")


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _publish(environment: Environment, **_: Any) -> None:
    """Store the prospects that the CRM has known for long."""
    stats.bucket_response_time = _three_digits  # type: ignore[assignment]
    stats.PERCENTILES_TO_CHART = [0.5, 0.95, 0.99]
    logging.getLogger("httpx").setLevel(logging.WARNING)
    api = Api(environment.host or "", key())
    known[:] = made_up(api.model(), KNOWN)
    api.publish([(f"load-{number}", features) for number, features in enumerate(known)])
    api.close()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _erase(environment: Environment, **_: Any) -> None:
    """Leave nothing behind in the store."""
    api = Api(environment.host or "", key())
    api.erase(f"load-{number}" for number in range(next(new_ids)))
    api.close()


def _three_digits(ms: float) -> float:
    """What locust counts response times by: its own whole milliseconds are half of an answer's."""
    return float(f"{ms:.3g}")


class Part(NamedTuple):
    """A part of the day: its share of it, and who is at work."""

    share: float
    users: int
    kinds: list[type[User]]


OFFICE: list[type[User]] = [Rep, LeadSource]
NIGHT: list[type[User]] = [NightBatch]

ARRIVE_PER_S = 20.0
"""People do not all open their laptops in the same instant."""


class Day(LoadTestShape):
    """A working day: the morning's burst, a lull at noon, the afternoon, and the re-scoring at night.

    In the morning about 120 records are opened and 55 leads written and scored in a second, which takes some 7,000
    reps. The afternoon has two thirds of that, noon a fifth. At night two clients send batches.
    """

    parts = (
        Part(0.05, 20, OFFICE),  # the first are in
        Part(0.30, 80, OFFICE),  # all go through what the night has brought
        Part(0.10, 16, OFFICE),
        Part(0.30, 54, OFFICE),
        Part(0.10, 0, OFFICE),  # all must have left before others come: locust keeps whom it has
        Part(0.15, 2, NIGHT),
    )

    def tick(self) -> tuple[int, float, list[type[User]] | None] | None:
        """How many users of which kinds there are now; None when the day is over."""
        assert self.runner is not None  # noqa: S101  locust sets it before the first tick
        seconds = self.runner.environment.parsed_options.day_seconds  # type: ignore[union-attr]
        gone = self.get_run_time() / seconds  # type: ignore[no-untyped-call]
        for part, end in zip(self.parts, itertools.accumulate(part.share for part in self.parts), strict=True):
            if gone < end:
                return part.users, ARRIVE_PER_S, part.kinds
        return None
