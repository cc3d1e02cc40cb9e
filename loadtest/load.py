"""`make load`: a CRM's day against the service as it ships, held to the budgets."""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import subprocess
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from loadtest.budgets import BUDGETS, Figures, figures_of, judge, read_budgets
from loadtest.errors import LoadtestError
from loadtest.processes import end_with_us, two_cores
from loadtest.stage import HERE, Service, gatekeeper, prepare
from loadtest.verdicts import OUT, console, report, show

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
STOP_TIMEOUT_S = 10
"""What a user gets to finish its request when its part of the day ends: one cut off would count as lost."""

TICK_S = 0.5
"""Between two looks at locust."""


def main(arguments: list[str]) -> int:
    """Run the day; 1 when a budget is broken, 2 when the run could not be made."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.load", description=__doc__)
    parser.add_argument("--day-seconds", type=float, default=120.0, help="how long the day takes (default: 120)")
    parser.add_argument("--budgets", type=Path, default=BUDGETS, help="what to hold it to (default: budgets.toml here)")
    given = parser.parse_args(arguments)
    end_with_us()
    try:
        budgets = read_budgets(given.budgets)
        served, loading = two_cores()
        with gatekeeper(prepare(HERE / "telco"), HERE / "load.log", cores=[served], drained_on=[loading]) as service:
            figures = run_day(service, loading, given.day_seconds)
        verdicts = judge(figures, budgets)
    except LoadtestError as error:
        console.print(str(error), markup=False)
        return 2
    except KeyboardInterrupt:
        return 130
    report("load", "A day of a CRM's traffic", [msgspec.structs.asdict(each) for each in figures])
    code = show("Budgets", verdicts)
    Console().print(f"The whole day, drawn: {OUT / 'load.html'}")
    return code


def run_day(service: Service, core: int, day_seconds: float) -> list[Figures]:
    """Have locust run its file on a core; what it measured. The reasons of failures are told on standard error.

    Raises:
        LoadtestError: locust failed.
    """
    statistics = HERE / "locust"
    command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--host", service.url, "--headless"]
    command += ["--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    command += ["--stop-timeout", str(STOP_TIMEOUT_S)]
    command += ["--html", str(OUT / "load.html"), "--json-file", str(statistics), "--csv", str(statistics)]
    command += ["--day-seconds", str(day_seconds)]
    locust = subprocess.Popen(command, env={**os.environ, "LOADTEST_KEY": service.key})
    try:
        os.sched_setaffinity(locust.pid, [core])
        with Progress(console=console, disable=not sys.stderr.isatty()) as progress:
            day = progress.add_task("a day", total=day_seconds)
            while locust.poll() is None:
                progress.advance(day, TICK_S)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    locust.wait(TICK_S)
    finally:
        locust.terminate()
        locust.wait()
    if locust.returncode:
        raise LoadtestError(f"locust: exit code {locust.returncode}")
    with Path(f"{statistics}_failures.csv").open(encoding="utf-8", newline="") as file:
        for failure in csv.DictReader(file):
            console.print(f"{failure['Occurrences']} x {failure['Name']}: {failure['Error']}", markup=False)
    return figures_of(statistics.with_suffix(".json").read_bytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
