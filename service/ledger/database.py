"""The ledger's database: SQLite in the data folder, or PostgreSQL; what is committed is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from service.errors import LedgerUnavailable
from service.ledger.tables import REVISION

log = structlog.get_logger()

BUSY_S = 5.0
"""How long a writer waits for another one, and for a connection: the drain holds the file for milliseconds."""

CONNECTIONS = 4
"""Per process: a company's reps decide a few times a second at most, the drain writes one batch after the other."""

_LOCK = 0x676B_6C65
"""PostgreSQL's advisory lock under which one process at a time migrates."""

_DOWN = (OperationalError, InterfaceError, PoolTimeoutError, OSError, TimeoutError)


class Database:
    """A pool of connections.

    Args:
        url: of PostgreSQL, or None.
        file: SQLite's, where there is no `url`.
    """

    def __init__(self, url: str | None, file: Path) -> None:
        self._engine = _postgresql(url) if url else _sqlite(file)

    async def migrate(self) -> None:
        """Bring the tables up to date; one process at a time does, the others find it done.

        Raises:
            LedgerUnavailable: it cannot be reached, or its tables are of a newer version than ours.
        """
        async with self.reading() as connection:
            if await connection.run_sync(_revision) == REVISION:
                return
        upgrade = (await asyncio.to_thread(importlib.import_module, "service.ledger.migrate")).upgrade
        async with self.writing() as connection:  # SQLite's is exclusive
            if connection.dialect.name == "postgresql":
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(upgrade)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with.

        Raises:
            LedgerUnavailable: there is none to be had, or it broke.
        """
        with _translated():
            async with self._engine.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, on disk once the block has ended without an error.

        Raises:
            LedgerUnavailable: there is no connection to be had, or it broke: then it may be on disk or not.
        """
        with _translated():
            async with self._engine.connect() as connection:
                await connection.execution_options(writes=True)
                async with connection.begin():
                    yield connection

    async def forget(self) -> None:
        """Leave nothing in SQLite's log of what was overwritten in its file; where somebody reads, it is done later."""
        if self._engine.dialect.name != "sqlite":
            return
        with _translated():
            async with self._engine.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                if raw is not None:
                    await raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        await self._engine.dispose()


async def insert_new(connection: AsyncConnection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, passing over those that are there already."""
    await connection.execute(_insert(connection, table), rows)


async def is_new(connection: AsyncConnection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row unless it is there already; whether it was not."""
    inserted = await connection.execute(_insert(connection, table).returning(*table.primary_key), row)
    return inserted.first() is not None


def _insert(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except _DOWN as error:
        raise _unavailable(error) from None
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _unavailable(error) from None


def _unavailable(error: Exception) -> LedgerUnavailable:
    log.warning("ledger.down", kind=type(error).__name__, why=str(getattr(error, "orig", ""))[:200])
    return LedgerUnavailable("the ledger does not answer")


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _postgresql(url: str) -> AsyncEngine:
    return create_async_engine(
        "postgresql+psycopg" + url.removeprefix("postgresql"),
        connect_args={"connect_timeout": int(BUSY_S)},
        pool_pre_ping=True,  # a server that was restarted leaves dead connections behind
        **_options(),
    )


def _sqlite(file: Path) -> AsyncEngine:
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(sa.URL.create("sqlite+aiosqlite", database=str(file)), **_options())

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own: `_begin` does
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={int(BUSY_S * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",  # what was erased is overwritten
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes fails where another one has written in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def _options() -> dict[str, Any]:
    return {
        "pool_size": CONNECTIONS,
        "max_overflow": 0,
        "pool_timeout": BUSY_S,
        "hide_parameters": True,  # an error's text tells no person's data
        "json_serializer": lambda value: msgspec.json.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
    }
