"""What reps made of warnings: who declined whom and why, overrides and how they turned out, refusals that proved right.

Pure functions over plain rows. Only the newest decision on a prospect counts, so that scoring and declining a lead
again earns nothing; nor does declining a prospect who was all clear.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from service.ledger.records import Became, Row
from service.ledger.standing import Course, Standing, by_user, is_all_clear, is_override, of_all, over_time

Z = 1.96
"""Of a 95 % interval."""


class Tally(msgspec.Struct, frozen=True):
    """How often something was said or done."""

    of: str | None
    count: int


class Turned(msgspec.Struct, frozen=True):
    """How prospects turned out; `unknown` have no outcome after their assessment yet."""

    won: int = 0
    lost: int = 0
    stayed: int = 0
    churned: int = 0
    unknown: int = 0


class Declines(msgspec.Struct, frozen=True):
    """Honest refusals: `counted` are those of prospects who were not all clear, by user and by reason."""

    counted: int
    all_clear: int
    by_user: list[Tally]
    by_reason: list[Tally]


class Overrides(msgspec.Struct, frozen=True):
    """Prospects who were pursued although the rep saw `do_not_chase`."""

    count: int
    by_user: list[Tally]
    by_reason: list[Tally]
    turned: Turned


class Refused(msgspec.Struct, frozen=True):
    """Counted declines: of prospects who churned after all (right), who stayed (wrong), or of whom neither is known."""

    right: int
    wrong: int
    open: int


class HeldOut(msgspec.Struct, frozen=True):
    """Warnings that were held back: of those whose end is known, the share that churned, with a 95 % interval (Wilson).

    This is what would have become of those who were declined.
    """

    people: int
    known: int
    churned: int
    share: float | None
    low: float | None
    high: float | None


class Summary(msgspec.Struct, frozen=True):
    """What reps made of warnings. `truncated`: there were more decisions than are looked at; narrow the time.

    warned: people of whom somebody was shown `do_not_chase` in that time, whatever was decided. currency: of money.
    """

    decisions: int
    warned: int
    currency: str | None
    declines: Declines
    overrides: Overrides
    refusals: Refused
    held_out: HeldOut
    everyone: Standing
    reps: list[Standing]
    over_time: Course
    truncated: bool = False


def summary(rows: Iterable[Row], held_out: Sequence[tuple[str, Became | None]], warned: int = 0) -> Summary:
    """Sum up decisions, newest first, what became of those whose warning was held back, and how many were warned of."""
    newest: dict[str, Row] = {}
    for row in rows:
        newest.setdefault(row.subject, row)
    declined = [row for row in newest.values() if row.choice == "declined"]
    counted = [row for row in declined if not is_all_clear(row)]
    overrides = [row for row in newest.values() if is_override(row)]
    ends = Counter(row.outcome for row in counted)
    return Summary(
        decisions=len(newest),
        warned=warned,
        currency=next((row.currency for row in newest.values() if row.currency is not None), None),
        declines=Declines(
            len(counted),
            len(declined) - len(counted),
            _tallies(row.user for row in counted),
            _tallies(row.reason for row in counted),
        ),
        overrides=Overrides(
            len(overrides),
            _tallies(row.user for row in overrides),
            _tallies(row.reason for row in overrides),
            _turned(overrides),
        ),
        refusals=Refused(ends["churned"], ends["stayed"], len(counted) - ends["churned"] - ends["stayed"]),
        held_out=_held_out([outcome for _, outcome in held_out]),
        everyone=of_all(list(newest.values())),
        reps=by_user(newest.values()),
        over_time=over_time(list(newest.values())),
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `hits` out of `n` (Wilson 1927), n > 0."""
    share, z2 = hits / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _tallies(found: Iterable[str | None]) -> list[Tally]:
    counts = Counter(found)
    return [Tally(of, count) for of, count in sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))]


def _turned(rows: Iterable[Row]) -> Turned:
    ends = Counter(row.outcome for row in rows)
    return Turned(ends["won"], ends["lost"], ends["stayed"], ends["churned"], ends[None])


def _held_out(outcomes: list[Became | None]) -> HeldOut:
    churned = outcomes.count("churned")
    known = churned + outcomes.count("stayed")
    if not known:
        return HeldOut(len(outcomes), 0, 0, None, None, None)
    low, high = wilson(churned, known)
    return HeldOut(len(outcomes), known, churned, round(churned / known, 4), round(low, 4), round(high, 4))
