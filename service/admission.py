"""Admission: who comes when too many are in flight is refused at once, so that whoever is let in is answered in time.

Controlled delay, as in B. Maurer, "Fail at Scale" (ACM Queue 13(8), 2015): a burst may queue up, for it drains; a queue
that has not been short for a while is overload, and is kept from growing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

STANDING_S = 0.02
"""A queue that has not been short for so long stands: who is refused for it has waited less than that."""

TELLING_S = 0.2
"""How long a run tells of the queue: longer than the longest takes, or a queue would be short whenever one is long."""

SHORT = 4
"""A queue is short below a quarter of what it may be while it stands: it is never empty where requests share runs."""


class Admission:
    """Counts the requests in flight, which have arrived whole and wait for their answer, and decides who joins them.

    Args:
        burst: requests in flight that are let in while the queue drains now and then.
        standing: and while it does not.
    """

    def __init__(self, burst: int, standing: int) -> None:
        self._burst = burst
        self._standing = standing
        self._short_at_s = 0.0
        self._last_run, self._ran_at_s = 0, 0.0
        self.in_flight = 0

    def ran(self, requests: int, now_s: float) -> None:
        """Note how many shared a run: when it is over nobody is in flight, however many wait in their sockets."""
        self._last_run, self._ran_at_s = requests, now_s

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Of a request in flight: while it waits for something slow, such as a disk, it takes nobody's turn."""
        self.in_flight -= 1
        try:
            yield
        finally:
            self.in_flight += 1

    def admits(self, now_s: float) -> bool:
        """Whether to let in a request at `now_s` of a clock that only goes forward."""
        waited = self._last_run if now_s - self._ran_at_s <= TELLING_S else 0
        if max(self.in_flight, waited) * SHORT < self._standing:
            self._short_at_s = now_s
        stands = now_s - self._short_at_s > STANDING_S
        return self.in_flight < (self._standing if stands else self._burst)
