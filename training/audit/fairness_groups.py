"""Groups of a protected column: values, ranges of numbers or dates, who is missing, and small groups together."""

# ruff: noqa: RUF001 - Japanese, and ranges with a dash

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

MISSING, OTHERS = "(missing)", "(others)"
TITLES = {"ja": {MISSING: "（欠損）", OTHERS: "（その他）"}}

MIN_CUSTOMERS = 30
"""Fewer in a group tell nothing: one false alarm more or less is a third of the rate that a policy usually has."""

NAMED = 12
"""Most groups of one column that stand alone: more comparisons would hide each other."""

RANGES = 4
"""Numbers and dates with more than NAMED values are cut into quarters."""


class Grouping(NamedTuple):
    """names: of G groups, the largest named one first, MISSING and OTHERS last. member: which one, int64 [m]."""

    names: tuple[str, ...]
    member: NDArray[np.int64]


def title(group: str, lang: str) -> str:
    """What people read for a group."""
    return TITLES.get(lang, {}).get(group, group)


def group(values: pl.Series, weight: NDArray[np.float64]) -> Grouping:
    """Part m customers by a protected column of clean text, each standing for `weight` customers."""
    values = values.cast(pl.String)
    labels = _in_ranges(values) if values.n_unique() > NAMED else values
    sizes = (
        pl.DataFrame({"label": labels.drop_nulls(), "weight": weight[labels.is_not_null().to_numpy()]})
        .group_by("label")
        .agg(pl.col("weight").sum())
        .sort("weight", "label", descending=[True, False])
    )
    named = sizes.filter(pl.col("weight") >= MIN_CUSTOMERS)["label"].head(NAMED).to_list()
    names = [*named, MISSING, OTHERS]
    member = labels.fill_null(MISSING).replace_strict(names, range(len(names)), default=len(names) - 1).to_numpy()
    there = np.unique(member)
    return Grouping(tuple(names[code] for code in there), np.searchsorted(there, member).astype(np.int64))


def _in_ranges(values: pl.Series) -> pl.Series:
    """Numbers or dates as the range, lowest to highest, of their quarter; other texts as they are."""
    numbers = values.cast(pl.Float64, strict=False).fill_nan(None)
    readings = (numbers, values.str.to_date("%Y-%m-%d", strict=False))
    ordered = next((reading for reading in readings if reading.null_count() == values.null_count()), None)
    if ordered is None:
        return values
    seen = ordered.drop_nulls().to_physical().to_numpy()
    cuts = np.unique(np.quantile(seen, np.arange(1, RANGES) / RANGES, method="lower"))
    quarter = pl.Series(np.searchsorted(cuts, ordered.to_physical().fill_null(0).to_numpy()))
    frame = pl.DataFrame({"value": ordered, "quarter": quarter}).with_columns(
        low=pl.col("value").min().over("quarter"), high=pl.col("value").max().over("quarter")
    )
    ends = [frame[end].map_elements(_spell, return_dtype=pl.String) for end in ("low", "high")]
    return (ends[0] + " – " + ends[1]).set(ordered.is_null(), None)


def _spell(end: object) -> str:
    return f"{end:.10g}" if isinstance(end, float) else str(end)
