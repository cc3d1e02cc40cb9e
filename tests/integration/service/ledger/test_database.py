"""The ledger's database: migrated once by whoever comes first, and down for a while without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from litestar import Litestar
from litestar.testing import TestClient

from service.errors import LedgerUnavailable
from service.ledger.database import Database
from service.ledger.ledger import FILE
from service.ledger.opened import Opened
from service.ledger.tables import metadata
from service.settings import Settings
from tests.support.app import client_of, resources_in, settings_for
from tests.support.ledger import drained, draining, rows, undrained
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

DOOMED = {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 11}}


@contextlib.asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, settings.data / FILE)
    try:
        yield database
    finally:
        await database.close()


def test_the_revisions_make_the_tables_that_the_code_knows(settings: Settings) -> None:
    async def main() -> None:
        async with database_of(settings) as database:
            await database.migrate()
            async with database.reading() as connection:
                different = await connection.run_sync(
                    lambda plain: compare_metadata(MigrationContext.configure(plain), metadata)
                )
        assert different == []

    asyncio.run(main())


def test_many_who_start_at_once_migrate_once(settings: Settings) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            all_of_them = [await stack.enter_async_context(database_of(settings)) for _ in range(6)]
            await asyncio.gather(*(database.migrate() for database in all_of_them))

    asyncio.run(main())
    assert len(rows(settings, "SELECT version_num FROM alembic_version")) == 1


def test_tables_of_a_newer_version_are_left_alone(settings: Settings) -> None:
    async def main() -> None:
        async with database_of(settings) as database:
            await database.migrate()
            async with database.writing() as connection:
                await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
            with pytest.raises(LedgerUnavailable):
                await database.migrate()

    asyncio.run(main())


def test_sqlite_writes_through_to_the_disk(small_registry: Path, valkey: Valkey, tmp_path: Path) -> None:
    async def main() -> list[object]:
        settings = settings_for(small_registry, valkey.url, DATA=str(tmp_path))
        async with database_of(settings) as database, database.writing() as connection:
            asked = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "secure_delete")
            return [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in asked]

    assert asyncio.run(main()) == ["wal", 2, 5000, 1, 1]


def test_while_the_ledger_is_down_scores_go_out_and_wait_and_decisions_are_told_to_come_back(
    small_registry: Path, valkey: Valkey, tmp_path: Path, postgres: Postgres
) -> None:
    settings = settings_for(small_registry, valkey.url, DATA=str(tmp_path), DATABASE_URL=postgres.emptied())
    with client_of(settings) as client, draining(settings):
        eventually(lambda: decide(client, score(client)) == 201)
        postgres.kill()
        try:
            waiting = [score(client) for _ in range(3)]
            assert decide(client, waiting[0]) == 503
            assert undrained(valkey) > 0
        finally:
            postgres.start()
        eventually(lambda: decide(client, waiting[0]) in (200, 201), 30)
        eventually(lambda: not undrained(valkey), 30)
        kept = {row["decision_id"] for row in rows(settings, "SELECT decision_id FROM assessments")}
        assert set(waiting) <= kept


def test_what_is_older_than_the_settings_say_is_deleted_and_what_a_later_decision_rests_on_stays(
    client: TestClient[Litestar], settings: Settings, valkey: Valkey
) -> None:
    resources = resources_in(client)
    now = resources.now()
    decided, alone = score(client), score(client)
    outcome = {"prospect_id": "L-1001", "outcome": "won", "at": "2020-01-05T00:00:00Z"}
    assert client.post("/v1/outcomes", json=outcome).status_code == 201
    resources.now = lambda: now + timedelta(days=10)  # type: ignore[method-assign]
    assert decide(client, decided) == 201
    drained(settings, valkey)
    assert left_after(settings, now + timedelta(days=1090)) == ({decided, alone}, 1, 1)
    assert left_after(settings, now + timedelta(days=1100)) == ({decided}, 1, 0)
    assert left_after(settings, now + timedelta(days=1110)) == (set(), 0, 0)


def left_after(settings: Settings, now: datetime) -> tuple[set[str], int, int]:
    """Assessments, decisions and outcomes once the ledger has been looked through at `now`."""

    async def main() -> None:
        opened = Opened(settings, settings.data / FILE)
        try:
            await opened.expire(now, timedelta(days=settings.ledger_days))
        finally:
            await opened.close()

    asyncio.run(main())
    kept = {row["decision_id"] for row in rows(settings, "SELECT decision_id FROM assessments")}
    return kept, len(rows(settings, "SELECT id FROM decisions")), len(rows(settings, "SELECT id FROM outcomes"))


def score(client: TestClient[Litestar]) -> str:
    answer = client.post("/v1/score", json=DOOMED).json()
    assert not answer["degraded"]
    decision_id: str = answer["decision_id"]
    return decision_id


def decide(client: TestClient[Litestar], decision_id: str) -> int:
    body = {"decision_id": decision_id, "choice": "declined", "user": "u-7"}
    return client.post("/v1/decisions", json=body, headers={"Idempotency-Key": decision_id}).status_code
