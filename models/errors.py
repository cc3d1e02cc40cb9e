"""What the core refuses.

    GatekeeperError
    ├── FeatureError     a value that the feature contract does not accept
    ├── MoneyError       a money term that the book does not know, or outside its bounds
    ├── PolicyError      a policy file that cannot be read
    └── BundleError      a bundle that is corrupt, half-written or not what its manifest says

Each message names the place and the remedy; callers translate the classes, never the text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GatekeeperError(Exception):
    """Root of every error that Gatekeeper raises on purpose."""


class FeatureError(GatekeeperError):
    """A feature `name` whose value the contract refuses; `reason` is a sentence for a person."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class MoneyError(GatekeeperError):
    """A money term `name` that is unknown or out of bounds; `reason` is a sentence for a person."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class PolicyError(GatekeeperError):
    """A policy that names what does not exist, or does not parse."""


class BundleError(GatekeeperError):
    """A bundle that must not serve."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped name: `; did you mean 'contract'?`, or nothing when none is near."""
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""
