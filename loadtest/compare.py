"""`make compare`: Gatekeeper beside the bare application and what people would use instead, in one run."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loadtest import wrk
from loadtest.comparison import field, wide
from loadtest.comparison.contestant import Contestant, Round
from loadtest.comparison.ground import Ground
from loadtest.comparison.optional_peers import OPTIONAL
from loadtest.comparison.parity import Answer
from loadtest.comparison.results import Bar, Row, bars, row
from loadtest.errors import LoadtestError
from loadtest.processes import end_with_us, two_cores
from loadtest.stage import HERE, Prepared, Service, prepare

OUT = Path("build/compare.json")
WARM_UP_S = 1

WIDTH = 130
"""Of the table where no terminal has one."""

COLUMNS = (
    ("answers/s", "answers_per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("p99.9", "p999_ms"),
    ("CPU us", "cpu_us_per_answer"),
    ("rate:bare", "throughput_to_bare"),
    ("p50:bare", "p50_to_bare"),
    ("CPU:bare", "cpu_to_bare"),
)

console = Console(stderr=True, highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; the exit code: 0, 1 when a bar is missed, 2 when there is nothing to compare."""
    options = _parser().parse_args(arguments)
    end_with_us()
    try:
        rows, judged = compare(options.seconds, options.rounds, options.peers, with_wide=options.wide)
    except LoadtestError as error:
        console.print(str(error), markup=False)
        return 2
    except KeyboardInterrupt:
        return 130
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    out.print(_table(rows))
    for bar in judged:
        out.print(str(bar), style="green" if bar.met else "red")
    return 0 if all(bar.met for bar in judged) else 1


def compare(seconds: int, rounds: int, peers: Sequence[str], *, with_wide: bool) -> tuple[list[Row], list[Bar]]:
    """Start everybody, check their answers, play the rounds.

    Raises:
        LoadtestError: something is missing, answers otherwise than Gatekeeper, or fails.
    """
    wrk.check_installed()
    server, client = two_cores()
    free = sorted(os.sched_getaffinity(0) - {client})
    telco = prepare(HERE / "telco")
    broad = prepare(HERE / "wide", wide.write_book) if with_wide else None
    os.sched_setaffinity(0, [client])
    with ExitStack() as stack:
        ground = Ground(telco, telco.prospects(), server, HERE, stack)
        contestants, services = _enter(ground, peers, broad, free[:2] if len(free) > 1 else [server, client])
        played = _play(contestants, seconds, rounds)
        judged = bars(played, _degraded_share(services), len(free))
    return [row(each, played) for each in contestants], judged


def _enter(
    ground: Ground, peers: Sequence[str], broad: Prepared | None, cores: Sequence[int]
) -> tuple[list[Contestant], list[Service]]:
    """Start all contestants, and compare their answers with Gatekeeper's; `cores` are those of two workers."""
    one = field.service(ground, "gatekeeper", [ground.core])
    two = field.service(ground, "gatekeeper-2workers", cores, workers=2)
    services, bare, ways = [one, two], field.bare(ground, one), field.ours(ground, one)
    alone = [bare._replace(name="bare-asgi-1conn", connections=1, beside="bare-asgi-1conn"), ways.pop("stored-1conn")]
    doubled = field.ours(ground, two)["stored"]._replace(name="gatekeeper-2workers")
    checked = [*ways.values(), doubled, field.fastapi_onnx(ground), field.fastapi_sklearn(ground)]
    checked += _optional(ground, peers)
    _check(checked, field.right_answers(one, list(ground.prospects)))
    if broad is not None:
        ground = ground._replace(prepared=broad, prospects=broad.prospects())
        services.append(field.service(ground, "gatekeeper-200-features", [ground.core]))
        ways = field.ours(ground, services[-1])
        checked.append(ways["stored"]._replace(name="gatekeeper-200-features"))
        alone.append(ways["stored-1conn"]._replace(name="gatekeeper-200-features-1conn"))
        _check(checked[-1:], field.right_answers(services[-1], list(ground.prospects)))
    return [bare, *checked, *alone], services


def _optional(ground: Ground, names: Sequence[str]) -> Iterator[Contestant]:
    for name in names:
        try:
            yield OPTIONAL[name](ground)
        except LoadtestError as error:
            console.print(f"{name} takes no part: {error}", markup=False)


def _check(contestants: Sequence[Contestant], right: Mapping[str, Answer]) -> None:
    for each in contestants:
        console.print(f"{each.check(right)} answers of {each.name} agree with Gatekeeper's", markup=False)


def _play(contestants: Sequence[Contestant], seconds: int, rounds: int) -> dict[str, list[Round]]:
    """A round to warm up, then so many that count, everybody in turn."""
    played: dict[str, list[Round]] = {each.name: [] for each in contestants}
    columns = TextColumn("{task.description:30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(contestants) * (rounds + 1))
        for number in range(rounds + 1):
            for each in contestants:
                progress.update(task, description=each.name)
                done = each.play(seconds if number else WARM_UP_S)
                played[each.name] += [done] if number else []
                progress.advance(task)
    return played


def _degraded_share(services: Sequence[Service]) -> float:
    """The share of all answers that were given without what the store holds."""
    metrics = "".join(httpx.get(f"{running.url}/metrics").text for running in services)
    counted = re.findall(r'^gatekeeper_assessments_total\{.*degraded="(\w+)".*\} (\S+)$', metrics, re.MULTILINE)
    without = sum(float(count) for why, count in counted if why != "no")
    return without / sum(float(count) for _, count in counted)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="One core for the server, another for wrk; medians of the rounds", box=box.SIMPLE)
    table.add_column("", no_wrap=True)
    for head, _ in COLUMNS:
        table.add_column(head, justify="right", no_wrap=True)
    for each in rows:
        figures = [getattr(each, name) for _, name in COLUMNS]
        table.add_row(each.name, *(f"{figure:,.{_decimals(figure)}f}" for figure in figures))
    return table


def _decimals(figure: float) -> int:
    return 0 if figure >= 100 else 2 if figure >= 0.1 else 4


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.compare", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, metavar="S", help="length of a round")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each contestant")
    parser.add_argument(
        "--peers", type=_peers, default=[], metavar="NAMES", help=f"also these, comma-separated: {', '.join(OPTIONAL)}"
    )
    parser.add_argument("--wide", action="store_true", help="also a model of 200 features, whose fit takes minutes")
    return parser


def _peers(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(OPTIONAL):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(OPTIONAL)}, got {text!r}")
    return names


if __name__ == "__main__":
    sys.exit(main())
