"""What a load run says of processes is so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.errors import LoadtestError
from loadtest.processes import await_ready, command_of, cpu_seconds, family, resident_mb, started
from tests.support.waiting import eventually

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_started_process_keeps_to_its_cores_and_ends_with_the_block_its_children_too(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    parent = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEPER!r})"]
    with started(parent, tmp_path / "log", [core]) as process:
        both = eventually(lambda: found if len(found := family(process.pid)) == 2 else None, 20)
        assert both is not None
        assert [os.sched_getaffinity(pid) for pid in both] == [{core}, {core}]
        assert "time.sleep" in command_of(both[1])
    assert process.returncode is not None
    eventually(lambda: not Path(f"/proc/{both[1]}/statm").exists() or resident_mb(both[1]) == 0, 20)


def test_cpu_time_and_memory_grow_with_what_is_used() -> None:
    me = os.getpid()
    seconds, memory = cpu_seconds([me]), resident_mb(me)
    block = bytearray(b"x") * 50_000_000
    until = time.process_time() + 0.2
    while time.process_time() < until:
        sum(range(1000))
    assert 0.15 <= cpu_seconds([me]) - seconds <= 5
    assert 45 <= resident_mb(me) - memory <= 60
    assert block[-1:] == b"x"


def test_a_process_that_ends_before_it_is_ready_is_told_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started([sys.executable, "-c", "raise SystemExit('no such luck')"], log, [0]) as process:
        process.wait(20)
        with pytest.raises(LoadtestError, match="not ready") as told:
            await_ready(process, "http://127.0.0.1:9/", log)
    assert str(log) in str(told.value)
    assert "no such luck" in str(told.value)


def test_a_process_that_is_gone_has_no_family_but_itself() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert family(gone.pid) == [gone.pid]
