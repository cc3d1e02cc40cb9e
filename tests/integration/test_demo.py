"""`make demo`, as a newcomer runs it: it trains, serves, answers, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.image import ROOT
from tests.support.server import free_port
from tests.support.waiting import eventually

FIELDS = {
    "prospect_id",
    "decision_id",
    "scored_at",
    "risk.score",
    "risk.percent",
    "risk.band",
    "risk.base",
    "risk.horizon",
    "risk.period",
    "value.currency",
    "value.pltv",
    "value.net_value",
    "value.pltv_to_cpa",
    "value.break_even",
    "value.loss_probability",
    "ltv_minus",
    "cause",
    "action",
    "rule",
    "reasons",
    "title",
    "message",
    "missing",
    "unknown",
    "out_of_range",
    "features_as_of",
    "degraded",
    "model.name",
    "model.version",
    "model.contract",
    "model.policy",
}
"""The fields of an answer that the design names."""


def lacking(answer: dict[str, Any]) -> list[str]:
    """The fields that an answer does not have; each of its reasons has four."""
    there = {*answer} | {f"{part}.{name}" for part in ("risk", "value", "model") for name in answer.get(part, ())}
    assert all(set(reason) == {"feature", "label", "value", "points"} for reason in answer["reasons"])
    return sorted(FIELDS - there)


def at_work_in(folder: Path) -> list[int]:
    """Processes whose working directory is `folder` or below it, as is that of every child, orphaned or not."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


def printed(text: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each request that the demo shows, and the answer below it."""
    decode = json.JSONDecoder().raw_decode
    pairs = []
    for request in re.finditer(r"^POST \S+/v1/score (?P<body>\{.*\})$", text, re.MULTILINE):
        answer, _ = decode(text, text.index("\n{", request.end()) + 1)
        pairs.append((json.loads(request["body"]), answer))
    return pairs


def test_the_demo_trains_serves_and_answers_and_leaves_no_process_behind(tmp_path: Path) -> None:
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
    environ |= {"PORT": port, "PYTHONPATH": str(ROOT)}
    log = tmp_path / "demo.log"
    with log.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, "-m", "scripts.demo"], cwd=tmp_path, env=environ, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        eventually(lambda: demo.poll() is not None or ready(port), 300)
        assert demo.poll() is None, log.read_text("utf-8")
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/score",
            json={"prospect_id": "walk-in", "features": {"contract": "Month-to-month"}},
            headers={"Authorization": "Bearer dev"},
        ).json()
        assert not lacking(answer)
        eventually(lambda: "Serving on" in log.read_text("utf-8"))
        shown = printed(log.read_text("utf-8"))
        assert [pair[1]["action"] for pair in shown] == ["do_not_chase", "review", "proceed"]
        assert all(request["prospect_id"] == found["prospect_id"] for request, found in shown)
        assert not any(lacking(found) for _, found in shown)
        assert len(at_work_in(tmp_path)) == 5, "the demo, the supervisor, a worker, the background and the store"
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
        assert at_work_in(tmp_path) == []
    finally:
        for left in at_work_in(tmp_path):
            os.kill(left, signal.SIGKILL)
        demo.wait(10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_ends_quietly_while_it_trains_and_leaves_no_process_behind(tmp_path: Path, number: int) -> None:
    log = tmp_path / "demo.log"
    with log.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, "-m", "scripts.demo"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "training fit" in log.read_text("utf-8") and len(at_work_in(tmp_path)) == 2, 120)
        demo.send_signal(number)
        assert demo.wait(30) == 0
        assert at_work_in(tmp_path) == []
        assert "Traceback" not in log.read_text("utf-8")
    finally:
        for left in at_work_in(tmp_path):
            os.kill(left, signal.SIGKILL)
        demo.wait(10)


def ready(port: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == httpx.codes.OK
    return False
