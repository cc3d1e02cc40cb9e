"""A backup is whole, though the ledger is written meanwhile, and can take the ledger's place."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.ledger.ledger import FILE
from service.settings import PREFIX
from tests.support.app import client_of, settings_for
from tests.support.ledger import drained, rows
from tests.support.valkey import Valkey

DOOMED = {"prospect_id": "L-1001", "features": {"contract": "Month-to-month", "monthly_charges": 11}}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the command is told of."""
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_backup_takes_the_ledgers_place(
    small_registry: Path, valkey: Valkey, tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(small_registry, valkey.url, DATA=str(data))
    out = tmp_path / "ledger.backup"
    with client_of(settings) as client:
        decision_id: Any = client.post("/v1/score", json=DOOMED).json()["decision_id"]
        decision = {"decision_id": decision_id, "choice": "declined", "user": "u-7"}
        assert client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "k"}).status_code == 201
        assert main(["backup", "--out", str(out)]) == 0  # while the service has it open
        assert str(out) in capsys.readouterr().out
        client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "later"})
    assert out.stat().st_mode & 0o077 == 0
    shutil.rmtree(data)
    data.mkdir()
    shutil.copy(out, data / FILE)
    with client_of(settings) as client:
        answer = client.post("/v1/decisions", json=decision, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 200
        assert client.post("/v1/score", json=DOOMED).status_code == 200
    drained(settings, valkey)
    assert [row["idempotency_key"] for row in rows(settings, "SELECT * FROM decisions")] == ["k"]
    assert len(rows(settings, "SELECT * FROM assessments")) == 2


def test_a_backup_shows_one_moment_of_a_ledger_that_is_being_written(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    over = threading.Event()
    with sqlite3.connect(data / FILE, check_same_thread=False) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE pairs (one INTEGER, filling TEXT)")
        writer.execute("CREATE TABLE others (one INTEGER)")
        writer.commit()

        def write() -> None:
            number = 0
            while not over.is_set():
                writer.execute("INSERT INTO pairs VALUES (?, ?)", (number, "x" * 500))
                writer.execute("INSERT INTO others VALUES (?)", (number,))
                writer.commit()
                number += 1

        thread = threading.Thread(target=write)
        thread.start()
        try:
            assert all(main(["backup", "--out", str(tmp_path / f"copy-{n}")]) == 0 for n in range(5))
        finally:
            over.set()
            thread.join()
    writer.close()
    for n in range(5):
        copy = sqlite3.connect(tmp_path / f"copy-{n}")
        [(pairs, others)] = copy.execute("SELECT (SELECT COUNT(*) FROM pairs), (SELECT COUNT(*) FROM others)")
        copy.close()
        assert pairs == others


def test_a_backup_overwrites_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.mkdir()
    sqlite3.connect(data / FILE).close()
    out = tmp_path / "ledger.backup"
    out.write_text("mine")
    assert main(["backup", "--out", str(out)]) == 2
    assert out.read_text() == "mine"
    assert str(out) in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "ledger.backup"]


def test_without_a_ledger_or_with_one_in_postgresql_the_command_says_what_to_do(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "--out", str(tmp_path / "copy")]) == 2
    assert str(data / FILE) in capsys.readouterr().err
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "postgresql://gk:a-password@db/gk")
    assert main(["backup", "--out", str(tmp_path / "copy")]) == 2
    told = capsys.readouterr().err
    assert "pg_dump" in told
    assert "a-password" not in told
