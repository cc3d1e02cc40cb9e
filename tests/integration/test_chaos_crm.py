"""The short form of `make chaos-crm`: nothing is lost, and nothing done twice, whatever is killed."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.crm import run


def test_no_event_is_lost_or_done_twice_while_everything_is_killed_now_and_then(tmp_path: Path) -> None:
    result = run(tmp_path, seed=4, events=200, prospects=30)
    assert result.faults == []
    assert sum(result.kills.values()) > 0
