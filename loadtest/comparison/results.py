"""What the rounds of a comparison come to: rows, ratios, and the bars that Gatekeeper has set itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal, NamedTuple

import msgspec

from loadtest.comparison.contestant import Contestant, Round

Played = Mapping[str, Sequence[Round]]
"""The rounds of each contestant, by name; the n-th of all were played one after the other."""

STORED, ALONE = "gatekeeper-stored", "gatekeeper-stored-1conn"
BARE_ALONE, WIDE_ALONE = "bare-asgi-1conn", "gatekeeper-200-features-1conn"
TWO = "gatekeeper-2workers"


DEGRADED_SHARE = 0.001
"""Such answers are cheaper, and not what is measured; a machine that is held up makes a few."""


class Row(msgspec.Struct, frozen=True):
    """A contestant's medians over its rounds, and how they compare with the bare application's.

    The percentiles are of requests, of which those of `gatekeeper-batch` hold 100 prospects; the rest is per prospect.
    The CPU is that of all its processes, the store included.
    """

    name: str
    connections: int
    answers_per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us_per_answer: float
    throughput_to_bare: float
    p50_to_bare: float
    p99_to_bare: float
    cpu_to_bare: float


def row(contestant: Contestant, played: Played) -> Row:
    """The row of one contestant."""
    rounds = played[contestant.name]
    medians = {name: median(getattr(each, name) for each in rounds) for name in Round.__struct_fields__}
    beside = (contestant.name, contestant.beside)
    return Row(
        contestant.name,
        contestant.connections,
        **medians,
        throughput_to_bare=ratio(played, "answers_per_s", *beside),
        p50_to_bare=ratio(played, "p50_ms", *beside),
        p99_to_bare=ratio(played, "p99_ms", *beside),
        cpu_to_bare=ratio(played, "cpu_us_per_answer", *beside),
    )


def ratio(played: Played, figure: str, one: str, other: str) -> float:
    """How many times the other's figure the one's is: the median over the rounds, each compared with its neighbour.

    The machine's speed drifts, and takes both of a round along.
    """
    pairs = zip(played[one], played[other], strict=True)
    quotients: list[float] = [getattr(a, figure) / getattr(b, figure) for a, b in pairs]
    return median(quotients)


class Bar(NamedTuple):
    """A demand on a measured figure: at least or at most so much."""

    what: str
    figure: float
    relation: Literal[">=", "<="]
    limit: float

    @property
    def met(self) -> bool:
        return self.figure >= self.limit if self.relation == ">=" else self.figure <= self.limit

    def __str__(self) -> str:
        return f"{'met' if self.met else 'MISSED':6} {self.what}: {self.figure:.3g} ({self.relation} {self.limit:g})"


def bars(played: Played, degraded_share: float, free_cores: int) -> list[Bar]:
    """The bars of all that took part; two workers are judged only with two cores beside wrk's."""
    found = [
        Bar("answers/s, times the bare application's", ratio(played, "answers_per_s", STORED, "bare-asgi"), ">=", 0.30),
        Bar("answers/s, times fastapi-sklearn's", ratio(played, "answers_per_s", STORED, "fastapi-sklearn"), ">=", 40),
        Bar("answers/s, times fastapi-onnx's", ratio(played, "answers_per_s", STORED, "fastapi-onnx"), ">=", 2),
        Bar("one connection: p99, times its p50", median(r.p99_ms / r.p50_ms for r in played[ALONE]), "<=", 2),
        Bar("one connection: p50, times the bare application's", ratio(played, "p50_ms", ALONE, BARE_ALONE), "<=", 5),
        Bar("share of our answers that went without the store", degraded_share, "<=", DEGRADED_SHARE),
    ]
    if WIDE_ALONE in played:
        found.append(Bar("200 features: p50, times that of 13", ratio(played, "p50_ms", WIDE_ALONE, ALONE), "<=", 2))
    if free_cores > 1:
        found.append(Bar("two workers: answers/s, times one's", ratio(played, "answers_per_s", TWO, STORED), ">=", 1.8))
    return found
