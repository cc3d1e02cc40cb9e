"""What tests of several packages stand on: real servers and real bundles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.app import client_of, settings_for
from tests.support.bundles import make_bundle
from tests.support.findings import findings_of
from tests.support.image import Image, build
from tests.support.valkey import Valkey
from training.fit import fit
from training.report.findings import Findings
from training.sample import write_telco

REPLICATES = 5
"""The fewest that the command line takes: they are most of the time that a fit takes."""


@pytest.fixture(scope="session")
def _shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def valkey(_shared_valkey: Valkey) -> Valkey:
    """A running server with nothing in it, for tests that leave it running."""
    with _shared_valkey.client() as client:
        client.flushall()
    return _shared_valkey


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A running server for a test that kills it."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def small_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one live bundle, for tests that do not change it."""
    registry = tmp_path_factory.mktemp("registry")
    make_bundle(registry)
    return registry


@pytest.fixture
def client(small_registry: Path, valkey: Valkey) -> Iterator[TestClient[Litestar]]:
    """A client of a service with an empty store."""
    with client_of(settings_for(small_registry, valkey.url)) as client:
        yield client


@pytest.fixture(scope="session")
def telco_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book, as `training sample telco` writes it."""
    return write_telco(tmp_path_factory.mktemp("telco"))


@pytest.fixture(scope="session")
def telco(telco_book: Path) -> Path:
    """The bundle of the sample book, as `training fit --replicates 5` writes it."""
    return fit(telco_book, telco_book.parent / "registry", datetime(2026, 11, 21, tzinfo=UTC), REPLICATES)


@pytest.fixture(scope="session")
def findings(telco_book: Path) -> Findings:
    """What a quick fit of a part of the sample book finds."""
    return findings_of(telco_book, 1500, pairs=((9, 12),))


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the Dockerfile builds: the service with its runtime dependencies alone."""
    return build(tmp_path_factory.mktemp("image"))
