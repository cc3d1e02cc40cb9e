"""The short form of `python -m tests.chaos.decisions`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.decisions import run


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_decisions_are_kept_once_though_the_service_is_killed_under_them(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    url = request.getfixturevalue("postgres").emptied() if database == "postgresql" else None
    result = run(tmp_path, url, seed=3, decisions=60, kills=2)
    assert result.faults == []
    assert result.rows == 60
