"""The stage of a load run: a bundle to serve, prospects to ask about, and the service as it ships."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.errors import LoadtestError
from loadtest.processes import READY_WITHIN_S, Cores, await_ready, command_of, family, free_port, started

HERE = Path("build/loadtest")
"""What load runs leave behind: books, bundles, logs."""

Features = dict[str, bool | float | str]


class Prepared(NamedTuple):
    """A fitted book: its data, the registry that its bundle is live in, and that bundle's folder."""

    data: Path
    registry: Path
    bundle: Path

    @property
    def model(self) -> str:
        return self.bundle.parent.name

    @property
    def manifest(self) -> Any:
        return json.loads((self.bundle / "manifest.json").read_text("utf-8"))

    def prospects(self) -> dict[str, Features]:
        """Every customer of the book as a prospect: its id, and its features as JSON takes them."""
        manifest = self.manifest
        kinds = {feature["name"]: feature["kind"] for feature in manifest["contract"]["features"]}
        with self.data.open(encoding="utf-8", newline="") as file:
            return {
                row[manifest["id_column"]]: {name: _value(row[name], kind) for name, kind in kinds.items() if row[name]}
                for row in csv.DictReader(file)
            }


class Service(NamedTuple):
    """A running service: its address, a key that may score and write features, and its processes."""

    url: str
    key: str
    supervisor: int
    workers: list[int]
    store: int
    background: int | None = None

    @property
    def pids(self) -> list[int]:
        """All its processes."""
        return [self.supervisor, *self.workers, self.store]


def sample(folder: Path) -> Path:
    """Write the sample book into `folder`; returns the path of its TOML file."""
    return Path(run("training", "sample", "telco", "--out", str(folder)).strip())


def prepare(folder: Path, write_book: Callable[[Path], Path] = sample) -> Prepared:
    """A book and the bundle fitted on it, in `folder`; made anew when the code that fits has changed since.

    Raises:
        LoadtestError: a command fails.
    """
    live = next(folder.glob("registry/*/current"), None)
    if live is None or live.stat().st_mtime < _code_changed():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run("training", "fit", str(write_book(folder)), "--out", str(folder / "registry"))
        [live] = folder.glob("registry/*/current")
    [data] = folder.glob("*.csv")
    return Prepared(data, folder / "registry", live.parent / live.read_text("utf-8").strip())


@contextlib.contextmanager
def gatekeeper(
    prepared: Prepared,
    log: Path,
    *,
    cores: Cores,
    workers: int = 1,
    drained_on: Cores | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """The service as it ships, on a free port and with an empty store of its own, until the end of the block.

    Args:
        prepared: what it serves.
        log: where its log goes.
        cores: which all its processes keep to, the store's included.
        workers: how many.
        drained_on: cores of `python -m service worker`, which moves assessments into the ledger; None: it does not run,
            and they pile up in the store, as long as a measurement may last.
        env: further settings.

    Raises:
        LoadtestError: it does not start.
    """
    made = run("service", "key", "new", "--scopes", "score,features", stderr=subprocess.DEVNULL)
    key, line = re.findall(r"(?:key|line): +(\S+)", made)
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="data-", dir=log.parent) as data:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
        environ |= {
            "GATEKEEPER_REGISTRY": str(prepared.registry),
            "GATEKEEPER_DATA": data,
            "GATEKEEPER_API_KEYS": line,
            **(env or {}),
        }
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", str(workers)]
        with started(command, log, cores, environ) as process:
            await_ready(process, f"{url}/health/ready", log)
            commands = {pid: command_of(pid) for pid in family(process.pid)}
            working = [pid for pid, command in commands.items() if "service.worker" in command]
            [store] = [pid for pid, command in commands.items() if "valkey-server" in command]
            with _drained(log, drained_on, environ) as background:
                yield Service(url, key, process.pid, working, store, background)


@contextlib.contextmanager
def _drained(log: Path, cores: Cores | None, environ: Mapping[str, str]) -> Iterator[int | None]:
    if cores is None:
        yield None
        return
    told = log.with_suffix(".worker.log")
    with started([sys.executable, "-m", "service", "worker"], told, cores, environ) as process:
        deadline = time.monotonic() + READY_WITHIN_S
        while b'"working"' not in told.read_bytes():  # starting would take the core that sends
            if process.poll() is not None or time.monotonic() > deadline:
                raise LoadtestError(f"the background worker does not start: {told}")
            time.sleep(0.05)
        yield process.pid


def publish(prepared: Prepared, service: Service) -> None:
    """Store the features of every prospect.

    Raises:
        LoadtestError: some were not taken.
    """
    run("training", "publish", str(prepared.data), "--url", service.url, "--key", service.key)


def run(*command: str, stderr: int | None = None) -> str:
    """What `python -m command` prints; its progress is shown, unless `stderr` goes elsewhere.

    Raises:
        LoadtestError: it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False
    )
    if done.returncode:
        raise LoadtestError(f"python -m {' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def _code_changed() -> float:
    """When the newest file of what makes a bundle was written, in seconds."""
    return max(file.stat().st_mtime for package in ("models", "training") for file in Path(package).rglob("*.py"))


def _value(text: str, kind: str) -> bool | float | str:
    """A CSV field as JSON takes it."""
    if kind == "number":
        return float(text)
    return text.lower() in {"true", "1", "yes"} if kind == "flag" else text
