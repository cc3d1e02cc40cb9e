"""Admission: who comes when too many are in flight is refused at once, so that whoever is let in is answered in time.

Controlled delay, as in B. Maurer, "Fail at Scale" (ACM Queue 13(8), 2015): a burst may queue up, for it drains; a queue
that has not been empty for a while is overload, and is kept short.
"""

from __future__ import annotations

STANDING_S = 0.1
"""A queue that has not been empty for so long stands."""


class Admission:
    """Decides for each request as it comes.

    Args:
        burst: requests in flight that are let in while the queue drains now and then.
        standing: and while it does not.
    """

    def __init__(self, burst: int, standing: int) -> None:
        self._burst = burst
        self._standing = standing
        self._empty_at = 0.0

    def admits(self, in_flight: int, now_s: float) -> bool:
        """Whether to let in a request that finds `in_flight` others, at `now_s` of a clock that only goes forward."""
        if in_flight == 0:
            self._empty_at = now_s
        stands = now_s - self._empty_at > STANDING_S
        return in_flight < (self._standing if stands else self._burst)
