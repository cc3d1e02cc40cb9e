"""How sales stands, by trust as well as by revenue: rep by rep, and stretch by stretch of time.

Pure functions over plain rows, each the newest decision on its prospect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Literal

import msgspec

from service.ledger.records import Row

Step = Literal["day", "week", "month"]

DAYS = 31
"""The longest time that is told day by day."""

WEEKS_DAYS = 26 * 7
"""The longest time that is told week by week; beyond, it is months."""


class Standing(msgspec.Struct, frozen=True):
    """What a rep made of prospects, or all reps in a stretch of time; `of` is the rep's id, or the first day in UTC.

    declined: honest refusals, of which `right` churned after all and `wrong` stayed; `all_clear` are declines of who
    was all clear, and count for nothing. pltv and pltv_to_cpa: medians over those who were pursued, where it is known.
    known: of those pursued, how many stayed or churned; `stayed` of them stayed.
    """

    of: str
    decisions: int = 0
    declined: int = 0
    right: int = 0
    wrong: int = 0
    all_clear: int = 0
    review: int = 0
    proceeded: int = 0
    overrides: int = 0
    pltv: float | None = None
    pltv_to_cpa: float | None = None
    known: int = 0
    stayed: int = 0


class Course(msgspec.Struct, frozen=True):
    """Stretches of one length that follow each other, those in which nothing was decided among them."""

    step: Step
    stretches: list[Standing]


def of_all(rows: Sequence[Row]) -> Standing:
    """All reps' standing together, of nobody by name."""
    return _standing("", rows)


def by_user(rows: Iterable[Row]) -> list[Standing]:
    """Each rep's standing, the one with the most decisions first."""
    found = [_standing(user, each) for user, each in _grouped(rows, lambda row: row.user).items()]
    return sorted(found, key=lambda standing: (-standing.decisions, standing.of))


def over_time(rows: Sequence[Row]) -> Course:
    """All reps' standing from the first decision to the last, in stretches as long as the time asks for."""
    if not rows:
        return Course("day", [])
    first, last = _day(min(row.decided_ms for row in rows)), _day(max(row.decided_ms for row in rows))
    days = (last - first).days + 1
    step: Step = "day" if days <= DAYS else "week" if days <= WEEKS_DAYS else "month"
    grouped = _grouped(rows, lambda row: _start(_day(row.decided_ms), step).isoformat())
    stretches = []
    start = _start(first, step)
    while start <= last:
        stretches.append(_standing(start.isoformat(), grouped.get(start.isoformat(), [])))
        start = _start(start + timedelta(days={"day": 1, "week": 7, "month": 31}[step]), step)
    return Course(step, stretches)


def is_all_clear(row: Row) -> bool:
    """Whether nothing spoke against the prospect: the policy said proceed, and the risk was low."""
    return row.action == "proceed" and row.band == "low"


def is_override(row: Row) -> bool:
    """Whether the prospect was pursued although the rep saw `do_not_chase`."""
    return row.choice == "proceeded" and row.shown == "do_not_chase"


def _standing(of: str, rows: Sequence[Row]) -> Standing:
    declined = [row for row in rows if row.choice == "declined"]
    counted = [row.outcome for row in declined if not is_all_clear(row)]
    pursued = [row for row in rows if row.choice == "proceeded"]
    ends = [row.outcome for row in pursued]
    return Standing(
        of,
        decisions=len(rows),
        declined=len(counted),
        right=counted.count("churned"),
        wrong=counted.count("stayed"),
        all_clear=len(declined) - len(counted),
        review=len(rows) - len(declined) - len(pursued),
        proceeded=len(pursued),
        overrides=sum(map(is_override, pursued)),
        pltv=_median([row.pltv for row in pursued]),
        pltv_to_cpa=_median([row.pltv_to_cpa for row in pursued]),
        known=ends.count("stayed") + ends.count("churned"),
        stayed=ends.count("stayed"),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 4) if known else None


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(key(row), []).append(row)
    return grouped


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def _start(day: date, step: Step) -> date:
    """The first day of the stretch that holds `day`; a week begins on Monday."""
    if step == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step == "week" else day
