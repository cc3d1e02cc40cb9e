"""`make load`, `make soak` and `make overload` in their short forms: that they run, tell, and can fail."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from loadtest import load, overload, soak, verdicts
from loadtest.budgets import BUDGETS, read_budgets
from loadtest.stage import Prepared, gatekeeper

DAY_SECONDS = "40"
"""The shortest day in which every kind of traffic has its turn: locust looks at its shape once a second."""

PATIENT = {"GATEKEEPER_STORE_TIMEOUT_MS": "5000", "GATEKEEPER_BREAKER_PROBE_MS": "5000"}
"""A busy machine is to degrade no answer: then each of them has to be right."""

pytestmark = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="a load run needs a core for the server, and one for the load"
)


@pytest.fixture(autouse=True)
def _stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, telco: Path) -> Iterator[None]:
    """A bundle that is there already, a folder for the results; in the end the process' own cores and signals again."""
    cores, terminated = os.sched_getaffinity(0), signal.getsignal(signal.SIGTERM)
    prepared = Prepared(telco.parents[2] / "telco.csv", telco.parents[1], telco)
    for module in (load, soak, overload):
        monkeypatch.setattr(module, "prepare", lambda _: prepared)
        monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(load, "gatekeeper", functools.partial(gatekeeper, env=PATIENT))
    for writer in (load, soak, verdicts):
        monkeypatch.setattr(writer, "OUT", tmp_path)
    yield
    os.sched_setaffinity(0, cores)
    signal.signal(signal.SIGTERM, terminated)


def test_a_short_day_has_every_kind_of_traffic_and_fails_on_a_budget_that_nothing_can_meet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budgets = tmp_path / "budgets.toml"
    text = BUDGETS.read_text("utf-8")
    budgets.write_text(text.replace("p50_ms = { at_most = 15,", "p50_ms = { at_most = 0.001,", 1), "utf-8")
    assert load.main(["--day-seconds", DAY_SECONDS, "--budgets", str(budgets)]) == 1
    assert "missed: score stored: p50_ms" in capsys.readouterr().out
    rows = msgspec.json.decode((tmp_path / "load.json").read_bytes())
    assert {row["name"] for row in rows} == read_budgets(BUDGETS).keys()
    assert all(row["requests"] > 0 for row in rows)
    assert [row["name"] for row in rows if row["failures_share"]] == []
    assert "score stored" in (tmp_path / "load.html").read_text("utf-8")


def test_a_short_soak_leaves_memory_flat_and_draws_it(tmp_path: Path) -> None:
    assert soak.main(["--requests", "20000"]) == 0
    rows = msgspec.json.decode((tmp_path / "soak.json").read_bytes())
    assert [row["name"] for row in rows] == ["worker", "store", "background"]
    assert all(row["start_mb"] > 1 for row in rows)
    assert ET.parse(tmp_path / "soak.svg").getroot().tag.endswith("svg")  # noqa: S314


def test_a_short_overload_tells_of_every_phase_and_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert overload.main(["--seconds", "1", "--rounds", "1"]) in (0, 1)
    rows = msgspec.json.decode((tmp_path / "overload.json").read_bytes())
    assert [row["name"] for row in rows] == [phase.name for phase in overload.PHASES]
    half = rows[0]
    assert half["accepted_share"] > 0.5
    assert half["accepted_p99_ms"] >= half["accepted_p50_ms"] > 0
    shown = capsys.readouterr().out
    assert "half" in shown
    assert "generator" in shown
