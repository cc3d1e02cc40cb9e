"""What a load run has to say: its figures, and whether they meet their bars."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Column, Table

OUT = Path("build")

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""For what is no result: refusals, progress."""

Row = dict[str, str | float]


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on one figure, and the reason for it; `at_most` and `at_least` are in the figure's unit."""

    why: str
    at_most: float = math.inf
    at_least: float = -math.inf

    def __str__(self) -> str:
        if self.at_most < math.inf:
            return f"at most {self.at_most:,.6g}"
        return f"at least {self.at_least:,.6g}"

    def holds(self, measured: float) -> bool:
        """Whether the figure is within; one that could not be measured (NaN) is not."""
        return self.at_least <= measured <= self.at_most


class Verdict(msgspec.Struct, frozen=True):
    """A figure beside its bar."""

    name: str
    measured: float
    bar: Bar

    @property
    def met(self) -> bool:
        return self.bar.holds(self.measured)


def show(title: str, verdicts: list[Verdict]) -> int:
    """Print the verdicts as a table, and each broken bar with its reason; the exit code, 1 when there are any."""
    table = Table("figure", Column("measured", justify="right"), "bar", "", title=title)
    for verdict in verdicts:
        met = "[green]met[/]" if verdict.met else "[bold red]MISSED[/]"
        table.add_row(verdict.name, f"{verdict.measured:,.4g}", str(verdict.bar), met)
    Console().print(table)
    missed = [verdict for verdict in verdicts if not verdict.met]
    for verdict in missed:
        told = f"missed: {verdict.name}: {verdict.measured:,.4g}, {verdict.bar}: {verdict.bar.why}"
        Console(highlight=False, soft_wrap=True).print(told, markup=False)
    return 1 if missed else 0


def report(name: str, title: str, rows: list[Row]) -> None:
    """Print `rows` and write them to build/`name`.json. All have the same keys: `name`, then figures with units."""
    cells = [[key.replace("_", " ") for key in rows[0]]]
    cells += [[cell if isinstance(cell, str) else f"{cell:,.4g}" for cell in row.values()] for row in rows]
    if len(rows[0]) > len(rows):  # a terminal is higher than wide
        cells = [list(column) for column in zip(*cells, strict=True)]
    table = Table(cells[0][0], *(Column(text, justify="right") for text in cells[0][1:]), title=title)
    for line in cells[1:]:
        table.add_row(*line)
    Console().print(table)
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
