"""`python -m service backup`: a copy of the ledger as it stands at one moment, taken while it is being written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path

from service.errors import SettingsError
from service.ledger.ledger import FILE
from service.settings import Settings

PAGES = 1024
"""Copied at a time, 4 MB: writers get their turn in between."""


def backup(settings: Settings, out: Path) -> int:
    """Copy the ledger to `out`, which must not exist; the copy's size in bytes.

    Raises:
        SettingsError: there is no ledger, it lies in PostgreSQL, or `out` exists or cannot be written.
    """
    if settings.database_url is not None:
        raise SettingsError(
            "the ledger lies in PostgreSQL, which makes its own: "
            f"pg_dump --format=custom --file={out} DATABASE, and pg_restore to bring it back"
        )
    source = settings.data / FILE
    if not source.exists():
        raise SettingsError(f"{source}: there is no ledger yet")
    try:
        handle, draft = tempfile.mkstemp(dir=out.resolve().parent, prefix=f".{out.name}.")  # mode 600
        try:
            os.close(handle)
            _copy(source, Path(draft))
            os.link(draft, out)  # fails where it exists, and never shows half of it
            _sync_folder(out.resolve().parent)
        finally:
            Path(draft).unlink()
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"{out}: {getattr(error, 'strerror', None) or error}") from error
    return out.stat().st_size


def _copy(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as ledger, contextlib.closing(sqlite3.connect(target)) as copy:
        ledger.backup(copy, pages=PAGES)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        [(found,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise sqlite3.DatabaseError("the copy is damaged, so the ledger may be: run PRAGMA integrity_check on it")
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
