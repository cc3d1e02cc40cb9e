"""Ids that we make: UUIDs of version 7 (RFC 9562), unique and sorted by time."""

from __future__ import annotations

import os
from datetime import datetime


def decision_ids(now: datetime, count: int) -> list[str]:
    """`count` ids made at `now`."""
    head = f"{int(now.timestamp() * 1000):012x}"
    head = f"{head[:8]}-{head[8:]}-7"
    drawn = os.urandom(10 * count).hex()
    return [
        f"{head}{word[:3]}-{_VARIANT[word[3]]}{word[4:7]}-{word[7:19]}"
        for word in (drawn[start : start + 19] for start in range(0, 20 * count, 20))
    ]


_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
