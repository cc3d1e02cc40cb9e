"""Whether an event is ever lost or done twice: `python -m tests.chaos.crm`; what it finds is in build/chaos-crm.json.

A CRM's people change records, and the CRM tells of it: out of order, some events twice, again whenever it is not
answered 200. Meanwhile `serve`, its worker, its store, the background worker and the CRM's own interface are killed
with kill -9, one by one at random, and come back as a supervisor would have them. In the end nothing may show that.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
from redis import Redis, RedisError

from tests.support.bundles import make_bundle
from tests.support.crm.hubspot import TOKEN
from tests.support.server import free_port
from tests.support.waiting import eventually
from tests.support.webhooks import change, signed, write_account

KEY = "a-key-for-chaos"
BATCH = 10
"""Events in a request."""

SENDERS = 4
WINDOW = 60
"""How far events are out of order."""

TWICE = 0.25
"""Share of events that are sent twice though the first was answered."""

BETWEEN_KILLS = (5, 15)
"""Answered requests: however slow the machine is, work goes on between two kills."""

DOWN_S = 0.3
"""Before something that we start ourselves is started again."""

LOOK_S = 0.02
"""Between looks at what is due."""

RETRY_S = (0.05, 0.4)
"""Before a CRM sends again: HubSpot's minutes, compressed."""

VALUES: dict[str, Callable[[random.Random], str]] = {
    "monthly_fee": lambda draw: str(draw.randint(10, 200)),
    "contract_type": lambda draw: draw.choice(["Month-to-month", "One year", "Two year"]),
    "seats": lambda draw: str(draw.randint(1, 500)),
}


class Result(msgspec.Struct, frozen=True):
    """What one run showed; `faults` is empty where nothing was lost and nothing done twice."""

    name: str
    seed: int
    events: int
    requests: int
    refused_requests: int
    kills: dict[str, int]
    write_backs: int
    seconds: float
    faults: list[str]


class Stage:
    """All the processes, each of which can be killed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.port, self.crm_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.crm_url = f"http://127.0.0.1:{self.crm_port}"
        self.kills: dict[str, int] = {}
        self._draw = random.Random(seed)  # noqa: S311
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        make_bundle(folder / "registry")
        self._environ = {name: text for name, text in os.environ.items() if not name.startswith("GATEKEEPER_")} | {
            "GATEKEEPER_REGISTRY": str(folder / "registry"),
            "GATEKEEPER_DATA": str(folder / "data"),
            "GATEKEEPER_PORT": self.port,
            "GATEKEEPER_API_KEYS": f"chaos:admin:{hashlib.sha256(KEY.encode()).hexdigest()}",
            "GATEKEEPER_CRM_DIR": str(write_account(folder / "crm", self.crm_url)),
            "GATEKEEPER_STORE_TIMEOUT_MS": "250",
            "GATEKEEPER_WRITE_BACK_S": "2",
        }

    @property
    def store(self) -> Redis:
        return Redis(unix_socket_path=str(self.folder / "data" / "valkey.sock"), socket_timeout=2)

    def start(self, name: str) -> None:
        """Start one of ours: crm, serve or worker."""
        journal = str(self.folder / "journal")
        command = {
            "crm": ["tests.support.crm.hubspot", "--port", self.crm_port, "--journal", journal],
            "serve": ["service", "serve"],
            "worker": ["service", "worker"],
        }[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command], env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def keep(self) -> None:
        """Start again what has ended, as a supervisor would."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                self.start(name)

    def kill_one(self) -> None:
        """Kill -9 something."""
        what = self._draw.choice(["crm", "worker", "http", "store", "serve"])
        pid = self._pid(what)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[what] = self.kills.get(what, 0) + 1
        if what in self._processes:
            self._processes[what].wait()
            time.sleep(DOWN_S)

    def stop(self) -> None:
        for name in ("worker", "serve", "crm"):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(30)

    def _pid(self, what: str) -> int | None:
        if what == "store":
            try:
                with self.store as store:
                    found: Any = store.info("server")
            except RedisError:
                return None
            return int(found["process_id"])
        if what == "http":
            return _child(self._processes["serve"].pid, "service.worker")
        process = self._processes[what]
        return process.pid if process.poll() is None else None


class World:
    """What people do in the CRM, and what the CRM sends of it."""

    def __init__(self, stage: Stage, seed: int, events: int, prospects: int) -> None:
        self._stage = stage
        self._draw = random.Random(seed)  # noqa: S311
        self._events = events
        self._records = range(10_001, 10_001 + prospects)
        self._lock = threading.Lock()
        self.newest: dict[int, dict[str, str]] = {record: {} for record in self._records}
        self.answers: dict[int, set[str]] = {}
        self.requests = self.refused = 0

    def happen(self) -> list[Any]:
        """Have people change records at random; the events that tell of it, in order."""
        last_ms = 0
        told = []
        with httpx.Client(base_url=self._stage.crm_url, headers={"Authorization": f"Bearer {TOKEN}"}) as crm:
            for number in range(self._events):
                record = self._draw.choice(self._records)
                name = self._draw.choice(list(VALUES))
                value = VALUES[name](self._draw)
                answer = crm.patch(f"/crm/v3/objects/contacts/{record}", json={"properties": {name: value}})
                answer.raise_for_status()
                last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
                self.newest[record][name] = value
                told.append(change(record, name, value, at_ms=last_ms, event=number))
        return told

    def prepare(self) -> None:
        """Records as they were before anything happened, and the properties that we write."""
        lines = []
        for record in self._records:
            properties = {name: draw(self._draw) for name, draw in VALUES.items()}
            self.newest[record] = dict(properties)
            ours = dict.fromkeys((f"gatekeeper_{name}" for name in _OURS), "")
            lines.append({"id": str(record), "properties": properties | ours, "at": time.time_ns() // 1_000_000})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self._stage.folder / "journal").write_text(text, "utf-8")

    def send(self, told: list[Any]) -> None:
        """Send everything until it is answered, out of order and partly twice."""
        twice = [each for each in told if self._draw.random() < TWICE]
        places = {id(each): place + self._draw.uniform(0, WINDOW) for place, each in enumerate(told)}
        late = {id(each): places[id(each)] + self._draw.uniform(0, 5 * WINDOW) for each in twice}
        order = sorted(
            [*((places[id(e)], n, e) for n, e in enumerate(told)), *((late[id(e)], -1, e) for e in twice)],
            key=lambda each: each[0],
        )
        queue = [each for _, _, each in order]
        batches = [queue[start : start + BATCH] for start in range(0, len(queue), BATCH)]
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(self._deliver, batches))

    def _deliver(self, batch: list[Any]) -> None:
        draw = random.Random(batch[0]["eventId"])  # noqa: S311
        with httpx.Client(base_url=self._stage.url, timeout=5) as client:
            while True:
                body, headers = signed(batch)
                try:
                    answer = client.post("/v1/webhooks/hubspot", content=body, headers=headers)
                except httpx.TransportError:
                    status = 0
                else:
                    status = answer.status_code
                with self._lock:
                    self.requests += 1
                    self.refused += status != 200
                if status == 200:
                    break
                time.sleep(draw.uniform(*RETRY_S))
        with self._lock:
            for event, result in zip(batch, answer.json()["results"], strict=True):
                self.answers.setdefault(event["eventId"], set()).add(json.dumps(result, sort_keys=True))


_OURS = ("risk_percent", "band", "ltv_minus", "action", "pltv", "reasons", "model_version", "scored_at")


def run(folder: Path, seed: int, events: int, prospects: int) -> Result:
    """One run in an empty folder."""
    began = time.monotonic()
    stage = Stage(folder, seed)
    world = World(stage, seed, events, prospects)
    world.prepare()
    try:
        stage.start("crm")
        stage.start("serve")
        eventually(lambda: _answers(stage.url + "/health/ready"), 30)
        stage.start("worker")
        eventually(lambda: _answers(stage.crm_url), 30)
        told = world.happen()
        with _killing(stage, world, seed):
            world.send(told)
        faults = _faults(stage, world, events)
    finally:
        stage.stop()
    return Result(
        name="chaos-crm",
        seed=seed,
        events=events,
        requests=world.requests,
        refused_requests=world.refused,
        kills=stage.kills,
        write_backs=_write_backs(folder),
        seconds=round(time.monotonic() - began, 1),
        faults=faults,
    )


@contextlib.contextmanager
def _killing(stage: Stage, world: World, seed: int) -> Iterator[None]:
    """Kill at random as long as the block lasts, and leave everything running."""
    draw = random.Random(seed)  # noqa: S311
    ended = threading.Event()

    def kill() -> None:
        due = draw.randint(*BETWEEN_KILLS)
        while not ended.wait(LOOK_S):
            stage.keep()
            if world.requests - world.refused >= due:
                stage.kill_one()
                due = world.requests - world.refused + draw.randint(*BETWEEN_KILLS)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()
        stage.keep()


def _faults(stage: Stage, world: World, events: int) -> list[str]:
    """What is not as if nothing had been killed."""

    def settled() -> bool:
        stage.keep()
        with contextlib.suppress(RedisError), stage.store as store:
            waiting: Any = (store.xlen("gk:default:q"), store.zcard("gk:default:q:later"), store.keys("gk:default:w:*"))
            return not any(waiting)
        return False

    faults = []
    try:
        eventually(settled, 120)
    except AssertionError:
        faults.append("the queue did not empty")
    eventually(lambda: _answers(stage.url + "/health/ready"), 30)
    eventually(lambda: _answers(stage.crm_url), 30)
    with stage.store as store:
        claims: Any = store.keys("gk:default:e:*")
        empty = sum(not store.get(each) for each in claims)
        dead: Any = store.zcard("gk:default:q:dead")
    if len(claims) != events or empty:
        faults.append(f"{len(claims)} claims for {events} events, {empty} without an outcome")
    if dead:
        faults.append(f"{dead} dead letters")
    faults += [
        f"event {event} was answered in {len(told)} ways" for event, told in world.answers.items() if len(told) > 1
    ]
    if len(world.answers) != events:
        faults.append(f"{events - len(world.answers)} events were not answered")
    most = events + 8 * sum(stage.kills.values())
    if _write_backs(stage.folder) > most:
        faults.append(f"more than {most} write-backs: duplicates were written back")
    ours = httpx.Client(base_url=stage.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    theirs = httpx.Client(base_url=stage.crm_url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    touched = {int(json.loads(next(iter(told)))["prospect_id"]) for told in world.answers.values()}
    with ours, theirs:
        for record in sorted(touched):
            faults += _record_faults(ours, theirs, record, world.newest[record])
    return faults


def _record_faults(ours: httpx.Client, theirs: httpx.Client, record: int, newest: Mapping[str, str]) -> list[str]:
    known = ours.get(f"/v1/prospects/{record}/features").json()["features"]
    right = {
        "monthly_charges": float(newest["monthly_fee"]),
        "contract": newest["contract_type"],
        "seats": float(newest["seats"]),
    }
    faults = [] if known == right else [f"{record}: features {known}, newest {right}"]
    risk = ours.post("/v1/score", json={"prospect_id": str(record)}).json()["risk"]
    asked = {"properties": "gatekeeper_risk_percent,gatekeeper_band"}
    written = theirs.get(f"/crm/v3/objects/contacts/{record}", params=asked).json()["properties"]
    if (written["gatekeeper_risk_percent"], written["gatekeeper_band"]) != (str(risk["percent"]), risk["band"]):
        faults.append(f"{record}: {written} was written back, the score is {risk['percent']} {risk['band']}")
    return faults


def _write_backs(folder: Path) -> int:
    lines = (folder / "journal").read_text("utf-8").splitlines()
    return sum(bool(json.loads(line).get("properties", {}).get("gatekeeper_band")) for line in lines)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=2).status_code < 500
    return False


def _child(parent: int, module: str) -> int | None:
    """A child of `parent` that runs `module` (Linux)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text("utf-8").rpartition(")")[2].split()[1]) == parent:
                command = (stat.parent / "cmdline").read_bytes().split(b"\0")
                if module.encode() in command:
                    return int(stat.parent.name)
    return None


def main() -> int:
    """Run all seeds; the exit code: 1 where something was lost or done twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.crm")
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--prospects", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    results = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory(prefix="gk-chaos-") as folder:
            result = run(Path(folder), seed, given.events, given.prospects)
        results.append(result)
        sys.stdout.write(
            f"seed {seed}: {result.events} events in {result.requests} requests, {result.refused_requests} refused, "
            f"kills {result.kills}, {result.write_backs} write-backs, {result.seconds} s: "
            f"{'; '.join(result.faults[:20]) or 'nothing lost, nothing done twice'}\n"
        )
        sys.stdout.flush()
    Path("build").mkdir(exist_ok=True)
    Path("build/chaos-crm.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
    return 1 if any(result.faults for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
