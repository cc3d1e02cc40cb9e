"""A circuit breaker: after some failures in a row nobody waits any more, until a probe gets through."""

from __future__ import annotations


class Breaker:
    """Counts failures in a row; open from the `failures`-th on, closed again by the first success."""

    def __init__(self, failures: int) -> None:
        self._limit = failures
        self._in_a_row = 0

    @property
    def open(self) -> bool:
        return self._in_a_row >= self._limit

    def failed(self) -> None:
        self._in_a_row += 1

    def succeeded(self) -> None:
        self._in_a_row = 0

    def trip(self) -> None:
        """Open at once."""
        self._in_a_row = self._limit
