"""What the offline path refuses.

    GatekeeperError (models.errors)
    └── TrainingError        the command stops, with exit code 2
        ├── BookError        a book (TOML) that does not say what its columns are
        ├── DataError        a data file that cannot be used as it is
        ├── ParityError      an exported model that does not answer as the fitted one
        └── PublishError     a service that does not take what is sent

Each message reads `place: what is wrong; remedy`. `training.__main__` prints it; nothing else catches the root.
"""

from __future__ import annotations

from models.errors import GatekeeperError


class TrainingError(GatekeeperError):
    """Root of what the offline path refuses."""


class BookError(TrainingError):
    """A book whose `key` (a dotted path into the TOML) holds what it must not; `reason` is a sentence for a person."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.key = key
        self.reason = reason


class DataError(TrainingError):
    """A data file that cannot be used as it is."""


class PublishError(TrainingError):
    """The service cannot be reached, or refuses the request as a whole."""


class ParityError(TrainingError):
    """The exported model does not answer as the fitted one; it must not serve."""
