"""Figures of a benchmark: a table for people on the terminal, and build/NAME.json for programs."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

Row = dict[str, str | float]


def report(name: str, title: str, rows: list[Row]) -> None:
    """Print `rows` and write them to build/`name`.json; every row has the same keys, `name` first."""
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "name" else "right")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else f"{cell:,.4g}" for cell in row.values()))
    Console().print(table)
    path = Path("build") / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
