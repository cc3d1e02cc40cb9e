"""`make demo`: from a book of past customers to answers about new leads, command by command, on one machine."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
import msgspec
from rich.console import Console

HERE = Path("build/demo")
REGISTRY, DATA, LEADS = HERE / "registry", HERE / "data", HERE / "leads.csv"
KEY = "dev"
ACTIONS = ("do_not_chase", "review", "proceed")
READY_WITHIN_S = 30.0

console = Console(soft_wrap=True, highlight=False)


def main() -> int:
    """Run the demo until it is interrupted; the service's exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    port = os.environ.get("PORT", "8000")
    url = f"http://127.0.0.1:{port}"

    step("1. A sample book: 7,043 past customers of a fictional telephone company")
    book = run("training", "sample", "telco", "--out", str(HERE))
    step("2. Fit a model of who leaves early, and what each customer is worth")
    bundle = run("training", "fit", book, "--out", str(REGISTRY))
    step("3. Score the book, and take some of its customers for new leads")
    run("training", "score", bundle, str(HERE / "telco.csv"), "--out", str(HERE / "scores.csv"))
    leads = choose_leads()
    step(f"4. Start store and service on {url}")
    service = start(port)
    try:
        wait_until_ready(service, url)
        step("5. Send what the CRM knows of the leads")
        run("training", "publish", str(LEADS), "--url", url, "--key", KEY)
        step("6. Ask about three of them: one of each action")
        for prospect_id in leads:
            ask(url, prospect_id)
        step(f"Serving on {url} until Ctrl-C. Try a what-if of your own, a year's contract instead of a monthly one:")
        features = '{"contract": "One year"}'
        body = f'{{"prospect_id": "{leads[0]}", "features": {features}}}'
        console.print(
            f"curl -s '{url}/v1/score?lang=ja' -H 'Authorization: Bearer {KEY}' --json '{body}'", markup=False
        )
        return service.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(service)


def choose_leads() -> list[str]:
    """Write six of the sample's customers to LEADS under new ids; returns the ids of one of each action."""
    with (HERE / "scores.csv").open(encoding="utf-8", newline="") as file:
        scored = [row for row in csv.DictReader(file) if row["action"]]
    by_risk = sorted(scored, key=lambda row: float(row["risk_score"]), reverse=True)
    worst = [next(row["id"] for row in by_risk if row["action"] == action) for action in ACTIONS[:2]]
    calm = [row["id"] for row in reversed(by_risk) if row["action"] == ACTIONS[2]]
    chosen = {row_id: f"L-{1001 + place}" for place, row_id in enumerate([*worst, *calm[:4]])}
    with (HERE / "telco.csv").open(encoding="utf-8", newline="") as file:
        customers = {row["customer_id"]: row for row in csv.DictReader(file) if row["customer_id"] in chosen}
    with LEADS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(customers[worst[0]]))
        writer.writeheader()
        writer.writerows({**customers[row_id], "customer_id": lead} for row_id, lead in chosen.items())
    return list(chosen.values())[: len(ACTIONS)]


def run(*command: str) -> str:
    """Show a command, run it, and return the last line that it prints."""
    console.print("$ python -m " + " ".join(command), style="dim", markup=False)
    done = subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, check=False)
    console.print(done.stdout, markup=False, end="")
    if done.returncode:
        raise SystemExit(done.returncode)
    return (done.stdout.strip().splitlines() or [""])[-1]


def start(port: str) -> subprocess.Popen[bytes]:
    """The service with its own store, as `python -m service dev` starts both, logging to a file."""
    command = ["service", "dev", "--port", port]
    log = HERE / "service.log"
    console.print("$ python -m " + " ".join(command) + f"   (log: {log})", style="dim", markup=False)
    environ = {"GATEKEEPER_REGISTRY": str(REGISTRY), "GATEKEEPER_MODEL": "telco", "GATEKEEPER_DATA": str(DATA)}
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *command], env={**os.environ, **environ}, stdout=file, stderr=file
        )


def wait_until_ready(service: subprocess.Popen[bytes], url: str) -> None:
    """Return when the service is ready; leave with its log when it is not to be had."""
    deadline = time.monotonic() + READY_WITHIN_S
    while service.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.05)
    raise SystemExit(f"The service did not get ready:\n{(HERE / 'service.log').read_text('utf-8')}")


def ask(url: str, prospect_id: str) -> None:
    """Score a stored prospect, and show request and answer."""
    request = {"prospect_id": prospect_id}
    console.print(f"\nPOST {url}/v1/score {msgspec.json.encode(request).decode()}", style="bold", markup=False)
    answer = httpx.post(f"{url}/v1/score", json=request, headers={"Authorization": f"Bearer {KEY}"})
    answer.raise_for_status()
    found = answer.json()
    colour = {"do_not_chase": "red", "review": "yellow", "proceed": "green"}[found["action"]]
    console.print(f"{found['title']}. {found['message']}", style=colour, markup=False)
    console.print(msgspec.json.format(answer.content, indent=2).decode(), markup=False)


def stop(service: subprocess.Popen[bytes]) -> None:
    """End the service, which ends its store."""
    if service.poll() is None:
        service.send_signal(signal.SIGTERM)
    service.wait()


def step(text: str) -> None:
    """Say what comes next."""
    console.print(f"\n{text}", style="bold cyan", markup=False)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
