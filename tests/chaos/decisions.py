"""Whether a decision is ever lost or kept twice: `python -m tests.chaos.decisions [--decisions N --kills N --seed S]`.

Reps score leads and decide on them, and send every request again until it is answered. Meanwhile the HTTP worker, the
background worker and the supervisor are killed with kill -9, and come back as an operator would have them. In the end
there is one row for every decision, with the assessment it was made on: in SQLite and in PostgreSQL. Written to
build/chaos-decisions.json.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
from redis import Redis, RedisError

from service.keys import digest
from service.settings import Settings, settings_from
from tests.support.bundles import make_bundle
from tests.support.ledger import STREAM, rows
from tests.support.postgres import Postgres, binaries
from tests.support.server import child, free_port
from tests.support.waiting import eventually

KEY = "a-key-for-chaos"
REPS = 4
RETRY_S = 0.05
PATIENCE_S = 60.0
"""For one request, with all its repeats."""

FEATURES = {"contract": "Month-to-month", "monthly_charges": 11, "seats": 3}


class Result(msgspec.Struct, frozen=True):
    """What one run showed; `faults` is empty where nothing was lost and nothing kept twice."""

    name: str
    database: str
    seed: int
    decisions: int
    kills: dict[str, int]
    repeats: int
    rows: int
    assessments: int
    seconds: float
    faults: list[str]


class Stage:
    """`serve` and `worker`, each process of which can be killed."""

    def __init__(self, folder: Path, database_url: str | None, seed: int) -> None:
        self._folder = folder
        self._draw = random.Random(seed)  # noqa: S311
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: dict[str, int] = {}
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        make_bundle(folder / "registry")
        ours = {
            "GATEKEEPER_REGISTRY": str(folder / "registry"),
            "GATEKEEPER_DATA": str(folder / "data"),
            "GATEKEEPER_PORT": port,
            "GATEKEEPER_API_KEYS": f"chaos:admin:{digest(KEY)}",
            "GATEKEEPER_STORE_TIMEOUT_MS": "250",
        }
        if database_url:
            ours["GATEKEEPER_DATABASE_URL"] = database_url
        self.settings: Settings = settings_from(ours)
        self._environ = {name: text for name, text in os.environ.items() if not name.startswith("GATEKEEPER_")} | ours

    @property
    def store(self) -> Redis:
        return Redis(unix_socket_path=str(self._folder / "data" / "valkey.sock"), socket_timeout=2)

    def start(self, name: str) -> None:
        """Start `serve` or `worker`."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "service", name],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def keep(self) -> None:
        """Start again what has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                self.start(name)

    def kill_one(self) -> None:
        """Kill -9 one of the three."""
        what = self._draw.choice(["http", "http", "worker", "serve"])
        pid = eventually(lambda: self._pid(what), 30)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.kills[what] = self.kills.get(what, 0) + 1
        if what in self._processes:
            self._processes[what].wait()
        self.keep()

    def ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + "/health/ready").status_code == 200
        return False

    def stop(self) -> None:
        for name in ("worker", "serve"):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(30)

    def _pid(self, what: str) -> int | None:
        self.keep()
        if what != "http":
            return self._processes[what].pid
        return child(self._processes["serve"].pid, "service.worker")


class Reps:
    """Who score and decide, and do not give up."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self.made = self.repeats = 0
        self.decided: list[str] = []
        self.faults: list[str] = []

    def decide(self, number: int) -> None:
        """Score a lead and decline it, sending each until it is answered."""
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=self._stage.url, headers=headers, timeout=10) as client:
            decision_id = self._scored(client, number)
            body = {
                "decision_id": decision_id,
                "choice": "declined",
                "user": f"u-{number % 7}",
                "reason": f"r {number}",
            }
            answer = self._until_answered(client, "/v1/decisions", body, {"Idempotency-Key": f"k-{number}"})
        with self._lock:
            self.decided.append(decision_id)
            self.made += 1
            if answer.status_code not in (200, 201):
                self.faults.append(f"decision {number}: {answer.status_code} {answer.text}")

    def _scored(self, client: httpx.Client, number: int) -> str:
        while True:
            body = {"prospect_id": f"L-{number}", "features": FEATURES}
            answer = self._until_answered(client, "/v1/score", body, {}).json()
            if answer["degraded_because"] != "store_unavailable":  # such a one is not recorded, and says so
                decision_id: str = answer["decision_id"]
                return decision_id

    def _until_answered(self, client: httpx.Client, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = client.post(path, json=body, headers=headers)
                if answer.status_code < 500 or time.monotonic() > deadline:
                    return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{path}: no answer for {PATIENCE_S:g} s")
            with self._lock:
                self.repeats += 1
            time.sleep(RETRY_S)


def run(folder: Path, database_url: str | None, seed: int, decisions: int, kills: int) -> Result:
    """One run in an empty folder."""
    began = time.monotonic()
    stage = Stage(folder, database_url, seed)
    reps = Reps(stage)
    try:
        stage.start("serve")
        eventually(stage.ready, 30)
        stage.start("worker")
        with _killing(stage, reps, decisions, kills), ThreadPoolExecutor(REPS) as people:
            list(people.map(reps.decide, range(decisions)))
        eventually(lambda: _drained(stage), 60)
    finally:
        stage.stop()
    kept = rows(stage.settings, "SELECT * FROM decisions JOIN assessments USING (decision_id)")
    assessments = rows(stage.settings, "SELECT COUNT(*) AS n FROM assessments")[0]["n"]
    return Result(
        name="chaos-decisions",
        database="postgresql" if database_url else "sqlite",
        seed=seed,
        decisions=decisions,
        kills=stage.kills,
        repeats=reps.repeats,
        rows=len(kept),
        assessments=assessments,
        seconds=round(time.monotonic() - began, 1),
        faults=[*reps.faults, *_faults(kept, reps.decided, decisions, stage.kills, kills)],
    )


def _faults(
    kept: list[dict[str, Any]], decided: list[str], decisions: int, killed: dict[str, int], kills: int
) -> list[str]:
    faults = []
    if len(kept) != decisions:
        faults.append(f"{len(kept)} rows for {decisions} decisions")
    if {row["idempotency_key"] for row in kept} != {f"k-{number}" for number in range(decisions)}:
        faults.append("a decision is missing, or is there twice")
    if {row["decision_id"] for row in kept} != set(decided):
        faults.append("a decision stands beside an assessment that it was not made on")
    if any(row["features"] is None or row["features"]["monthly_charges"] != 11 for row in kept):
        faults.append("an assessment was not kept as it was made")
    if sum(killed.values()) != kills:
        faults.append(f"{killed} is not {kills} kills")
    return faults


def _drained(stage: Stage) -> bool:
    stage.keep()
    with contextlib.suppress(RedisError), stage.store as store:
        return not store.xlen(STREAM)
    return False


@contextlib.contextmanager
def _killing(stage: Stage, reps: Reps, decisions: int, kills: int) -> Iterator[None]:
    """Kill `kills` times, evenly over the decisions, as long as the block lasts."""
    ended = threading.Event()

    def kill() -> None:
        for number in range(1, kills + 1):
            while reps.made < number * decisions // (kills + 1) and not ended.wait(0.01):
                stage.keep()
            stage.kill_one()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()


def main(arguments: list[str]) -> int:
    """Run in both databases; the exit code is 1 where something was lost, or kept twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.decisions")
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    programs = binaries()
    if programs is None:
        parser.error("no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
    results = []
    server = Postgres(programs)
    try:
        server.start()
        for url in (None, server.url):
            with tempfile.TemporaryDirectory() as folder:
                result = run(Path(folder), url, given.seed, given.decisions, given.kills)
            print(msgspec.json.format(msgspec.json.encode(result)).decode())  # noqa: T201
            results.append(result)
    finally:
        server.stop()
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "chaos-decisions.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
