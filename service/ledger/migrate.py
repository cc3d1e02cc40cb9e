"""Bringing the tables up to date, with alembic: loaded only where there is something to do, as it is slow to load."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from service.errors import LedgerUnavailable

log = structlog.get_logger()


def upgrade(connection: sa.Connection) -> None:
    """Run every revision that is missing, in the connection's transaction.

    Raises:
        LedgerUnavailable: the tables are of a newer version than ours.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        log.error("ledger.refused", why=str(error))  # noqa: TRY400
        raise LedgerUnavailable("the ledger is of another version") from None
