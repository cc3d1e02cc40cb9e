"""Dates as features: reading one, and the parts of it that a model sees."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, get_args

Part = Literal["month", "weekday", "age"]
PARTS: tuple[Part, ...] = get_args(Part)
"""What a date becomes. The age is counted in days, up to the day of sign-up."""

CALENDAR: dict[Part, tuple[str, ...]] = {
    "month": tuple(str(month) for month in range(1, 13)),
    "weekday": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
"""The categories that a part may be, in the order of time."""

TITLES: dict[Part, dict[str, str]] = {
    "month": {"en": "month", "ja": "月"},
    "weekday": {"en": "weekday", "ja": "曜日"},
    "age": {"en": "age at sign-up in days", "ja": "契約時の経過日数"},
}
"""How people read a part, after the label of its date."""

AHEAD_DAYS = 1
"""A date so far ahead counts as today, since in the east a day begins up to 14 hours before it does in UTC."""

_DATE = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[T ].*)?")


def read_date(text: str) -> date | None:
    """The day of `2026-03-31`, `2026/3/31` or either with a time behind it; None for a blank text.

    A time, and its zone, are passed over: the day counts as it is written.

    Raises:
        ValueError: anything else, or a day that no calendar has.
    """
    if not text.strip():
        return None
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day = match.groups()
    return date(int(year), int(month), int(day))


def parts_of(day: date | None) -> dict[Part, str | int | None]:
    """The parts of a day: categories, and of its age what holds on any day, its ordinal (0001-01-01 is day 1).

    All None when there is no day.
    """
    if day is None:
        return dict.fromkeys(PARTS)
    month, weekday = CALENDAR["month"][day.month - 1], CALENDAR["weekday"][day.weekday()]
    return {"month": month, "weekday": weekday, "age": day.toordinal()}


def title_of(label: str, part: Part, lang: str) -> str:
    """The title of a part of the date that people call `label`."""
    return f"{label}：{TITLES[part]['ja']}" if lang == "ja" else f"{label}: {TITLES[part]['en']}"  # noqa: RUF001
