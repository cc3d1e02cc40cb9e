"""The service as an application inside the test's process."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from litestar import Litestar
from litestar.testing import TestClient

from service.app import create_app
from service.resources import Resources
from service.settings import Settings, settings_from

API_KEY = "a-key-for-tests"


def settings_for(registry: Path, redis_url: str, **more: str) -> Settings:
    """Settings of a service under test; `more` are variables without their prefix."""
    environ = {
        "REGISTRY": str(registry),
        "REDIS_URL": redis_url,
        "DATA": str(registry.absolute().parent / "data"),  # the ledger's
        "ID_SECRET": "a secret of the tests alone",
        "API_KEYS": f"tests:admin:{hashlib.sha256(API_KEY.encode()).hexdigest()}",
        "POLL_MS": "50",
        "STORE_TIMEOUT_MS": "250",  # a busy machine pauses for longer than the default
        **more,
    }
    return settings_from({f"GATEKEEPER_{name}": value for name, value in environ.items()})


@contextlib.contextmanager
def client_of(settings: Settings) -> Iterator[TestClient[Litestar]]:
    """A client with an admin key, and the application it speaks to, started."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {API_KEY}"
        yield client


def resources_in(client: TestClient[Litestar]) -> Resources:
    """The live parts behind `client`."""
    resources: Resources = client.app.state.resources
    return resources
