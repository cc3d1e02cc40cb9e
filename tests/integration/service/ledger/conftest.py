"""A service whose ledger lies in SQLite or in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.settings import Settings
from tests.support.app import client_of, settings_for
from tests.support.postgres import Postgres, binaries
from tests.support.valkey import Valkey


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; a missing one fails CI, and is a skip elsewhere."""
    programs = binaries()
    if programs is None:
        if "CI" in os.environ:
            pytest.fail("no PostgreSQL: .ci/run installs Debian's")
        pytest.skip("no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
    server = Postgres(programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, small_registry: Path, valkey: Valkey, tmp_path: Path) -> Settings:
    """A service with an empty store and an empty ledger."""
    more = {"DATA": str(tmp_path / "data"), "STORE_TIMEOUT_MS": "2000", "BREAKER_PROBE_MS": "2000"}
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        more["DATABASE_URL"] = server.emptied()
    return settings_for(small_registry, valkey.url, **more)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient[Litestar]]:
    """A client of it."""
    with client_of(settings) as client:
        yield client
