"""The ledger under test: draining into it, and reading its rows with another library."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from service.ledger.drain import drain
from service.ledger.ledger import FILE
from service.resources import Resources
from service.settings import Settings
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

STREAM = "gk:default:a"


@contextlib.contextmanager
def draining(settings: Settings) -> Iterator[None]:
    """A drain on an event loop of its own, as the worker runs it."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    failed: list[BaseException] = []

    async def run() -> None:
        resources = Resources(settings)
        try:
            await drain(resources, stop)
        finally:
            await resources.ledger.close()
            await resources.store.close()

    def main() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:  # noqa: BLE001 - told where the test can see it
            failed.append(error)
        finally:
            loop.close()

    thread = threading.Thread(target=main)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not failed, failed
        assert not thread.is_alive()


def undrained(valkey: Valkey) -> int:
    """How many runs wait."""
    with valkey.client() as client:
        return int(client.xlen(STREAM))


def drained(settings: Settings, valkey: Valkey) -> None:
    """Drain all that waits now."""
    with draining(settings):
        eventually(lambda: not undrained(valkey))


def rows(settings: Settings, query: str, *values: Any) -> list[dict[str, Any]]:
    """What a query finds in the ledger, read with its database's own driver; JSON as what it says."""
    if settings.database_url:
        with psycopg.connect(settings.database_url, row_factory=dict_row) as server:
            return server.execute(query.replace("?", "%s").encode(), values).fetchall()
    with contextlib.closing(sqlite3.connect(Path(settings.data) / FILE)) as file:
        file.row_factory = sqlite3.Row
        return [{name: _plain(name, row[name]) for name in row.keys()} for row in file.execute(query, values)]  # noqa: SIM118


_JSON = {"features", "risk", "value", "reasons", "evidence"}


def _plain(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and isinstance(value, str) else value
