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
from typing import Any, NoReturn

import httpx
import msgspec
from rich.console import Console

HERE = Path("build/demo")
REGISTRY, DATA, LEADS = HERE / "registry", HERE / "data", HERE / "leads.csv"
KEY = "dev"
ACTIONS = ("do_not_chase", "review", "proceed")
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the demo."""

WHY_NOT_BY_RISK = (
    "(Do not chase can show a lower risk than review: that lead would lose money, "
    "while the other, though likelier to leave, is still worth its price.)"
)

console = Console(soft_wrap=True, highlight=False)


children: list[subprocess.Popen[str]] = []
"""Everything that was started, to be ended with the demo."""


def main() -> int:
    """Run the demo until it is interrupted, and end what it started; the service's exit code."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return demo(os.environ.get("PORT", "8000"))
    except KeyboardInterrupt:
        return 0
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for child in children:
            stop(child)


def demo(port: str) -> int:
    """All steps, the last of which serves until the service ends; its exit code."""
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
    wait_until_ready(service, url)
    step("5. Send what the CRM knows of the leads")
    run("training", "publish", str(LEADS), "--url", url, "--key", KEY)
    step("6. Ask about three of them: one of each action")
    console.print(WHY_NOT_BY_RISK, style="dim", markup=False)
    for prospect_id in leads:
        ask(url, prospect_id)
    step("7. Try a what-if of your own, a year's contract instead of a monthly one:")
    features = '{"contract": "One year"}'
    body = f'{{"prospect_id": "{leads[0]}", "features": {features}}}'
    console.print(f"curl -s '{url}/v1/score?lang=ja' -H 'Authorization: Bearer {KEY}' --json '{body}'", markup=False)
    step(f"Serving on {url} until Ctrl-C. Open it in a browser: a mock CRM with these leads, and the card beside them.")
    console.print(f"What reps decide there is on {url}/decisions (key: {KEY}).", markup=False)
    return service.wait()


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
    child = spawn(*command, stdout=subprocess.PIPE)
    printed, _ = child.communicate()
    console.print(printed, markup=False, end="")
    if child.returncode:
        raise SystemExit(child.returncode)
    return (printed.strip().splitlines() or [""])[-1]


def start(port: str) -> subprocess.Popen[str]:
    """The service with its own store, as `python -m service dev` starts both, logging to a file."""
    command = ["service", "dev", "--port", port]
    log = HERE / "service.log"
    console.print("$ python -m " + " ".join(command) + f"   (log: {log})", style="dim", markup=False)
    environ = {"GATEKEEPER_REGISTRY": str(REGISTRY), "GATEKEEPER_MODEL": "telco", "GATEKEEPER_DATA": str(DATA)}
    with log.open("wb") as file:
        return spawn(*command, env={**os.environ, **environ}, stdout=file, stderr=file)


def spawn(*command: str, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m command` as one of the `children`, in a group of its own: a Ctrl-C reaches it through us."""
    late: list[int] = []
    for number in SIGNALS:  # interrupted here, a child would be started and forgotten
        signal.signal(number, lambda caught, _: late.append(caught))
    try:
        children.append(subprocess.Popen([sys.executable, "-m", *command], text=True, process_group=0, **options))
    finally:
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        for caught in late:
            signal.raise_signal(caught)
    return children[-1]


def wait_until_ready(service: subprocess.Popen[str], url: str) -> None:
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


def stop(child: subprocess.Popen[str]) -> None:
    """End a child; the service ends its store."""
    child.terminate()
    try:
        child.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def step(text: str) -> None:
    """Say what comes next."""
    console.print(f"\n{text}", style="bold cyan", markup=False)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
