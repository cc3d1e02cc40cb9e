"""The exception of load runs: LoadtestError."""

from __future__ import annotations


class LoadtestError(Exception):
    """A load run cannot be made; the text says why, and what to do."""
