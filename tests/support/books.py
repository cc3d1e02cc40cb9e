"""Small books on disk."""

from __future__ import annotations

from pathlib import Path

TENURE = """\
[book]
name = "small"
data = "small.csv"
id = "id"
currency = "USD"
period = "month"
max_reject_share = 0.9

[lifetime]
tenure = "tenure"
tenure_counts = "started"
churned = "churn"
churned_when = "Yes"
entry = "entry"
horizon = 12
value_horizon = 60

[value]
revenue = "charges"
gross_margin = 0.6

[features]
contract = { kind = "category", label = { en = "Contract", ja = "契約形態" } }
charges = { kind = "number", unit = "USD" }
paperless = { kind = "flag" }

[protected]
columns = ["gender"]
"""

TENURE_HEADER = "id,tenure,entry,churn,contract,charges,paperless,gender"
TENURE_ROWS = ("a,5,0,Yes,Monthly,20.5,1,f", "b,9,2,No,Yearly,30,0,m", "c,3,0,No,,,,")

DATES = """\
[book]
name = "small"
data = "small.csv"
id = "id"
currency = "USD"
period = "month"
max_reject_share = 0.9

[lifetime]
start = "start"
end = "end"
churned = "why"
churned_when = "churned"
observed_until = 2026-03-31
observed_from = 2025-01-01
horizon = 6
value_horizon = 12

[features]
seats = { kind = "number" }
"""

DATES_HEADER = "id,start,end,why,seats"
DATES_ROWS = ("a,2025-01-15,2025-04-14,churned,3", "b,2025-06-01,,,4", "c,2024-05-31,2025-05-31,moved,5")


def write_book(folder: Path, toml: str, header: str, *rows: str) -> Path:
    """Write small.toml and small.csv, and return the book's path."""
    (folder / "small.csv").write_text("\n".join((header, *rows)) + "\n", "utf-8")
    book = folder / "small.toml"
    book.write_text(toml, "utf-8")
    return book
