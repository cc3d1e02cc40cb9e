"""A made-up book of 200 features, to see what width costs a score."""

from __future__ import annotations

import csv
import random
from pathlib import Path

FEATURES = 200
"""With the fee."""
CUSTOMERS = 1000
"""So few that it is fitted in minutes: the width of the graph is what counts here."""
HORIZON = 12
LEVELS = ("a", "b", "c", "d")


def write_book(folder: Path) -> Path:
    """Write wide.csv and wide.toml into `folder`; returns the book's path.

    Every second feature is a number, the others are categories; the first ten of them move the risk.
    """
    chance = random.Random(0)  # noqa: S311  nothing is kept secret by it
    names = [f"feature_{number:03}" for number in range(1, FEATURES)]
    with (folder / "wide.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["account", "months", "left", "fee", *names])
        for customer in range(CUSTOMERS):
            levels = [chance.randrange(len(LEVELS)) for _ in names]
            hazard = 0.01 * 1.25 ** sum(level - 1.5 for level in levels[:10])
            months = next((month for month in range(1, 2 * HORIZON) if chance.random() < hazard), 0)
            values = [
                LEVELS[level] if place % 2 else level + round(chance.random(), 3) for place, level in enumerate(levels)
            ]
            fee = round(chance.uniform(30, 100), 2)
            writer.writerow([f"wide-{customer:04}", months or 2 * HORIZON, "yes" if months else "no", fee, *values])
    lines = [f'{name} = {{ kind = "{"category" if place % 2 else "number"}" }}' for place, name in enumerate(names)]
    book = folder / "wide.toml"
    book.write_text(BOOK + "\n".join(lines) + "\n", "utf-8")
    return book


BOOK = f"""\
[book]
name = "wide"
data = "wide.csv"
id = "account"
currency = "USD"
period = "month"

[lifetime]
tenure = "months"
tenure_counts = "started"
churned = "left"
horizon = {HORIZON}
value_horizon = 60

[value]
revenue = "fee"
gross_margin = 0.6
cost_to_serve = 8.0
closing_cost = 250.0
annual_discount_rate = 0.1

[features]
fee = {{ kind = "number", unit = "USD" }}
"""
