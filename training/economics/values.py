"""What customers of a book are worth by their survival curves, in chunks, so that memory stays flat."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract import Contract
from models.money import Money, MoneyTerms
from models.value import Value, value
from training.reading.book import Book
from training.reading.lifetimes import Floats

CHUNK = 8192
"""Customers valued at once; each takes a few arrays of T numbers."""


def money_inputs(money: MoneyTerms, contract: Contract, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """What the money terms read of clean customers and is no feature, each [n]."""
    names = sorted(name for name in money.columns if name in frame.columns and name not in contract.index)
    return {
        name: frame[name].fill_null("").to_numpy() if frame[name].dtype == pl.String else frame[name].to_numpy()
        for name in names
    }


def customer_weights(book: Book, frame: pl.DataFrame) -> Floats:
    """For how many customers each row stands. Shape [n]."""
    if book.source.weight is None:
        return np.ones(len(frame))
    return frame[book.source.weight].to_numpy().astype(np.float64)


def value_all(staying: NDArray[np.floating], money: Money, period: str, supported_periods: int) -> Value:
    """`models.value.value` of any number of customers.

    Args:
        staying: P(still a customer after period t), from all exits. Shape [n, T].
        money: their money terms.
        period: unit of t.
        supported_periods: the last period that enough customers reached.
    """
    parts = [slice(start, start + CHUNK) for start in range(0, max(len(staying), 1), CHUNK)]
    values = [value(staying[part], rows_of(money, part), period, supported_periods) for part in parts]
    return Value(*map(np.concatenate, zip(*map(msgspec.structs.astuple, values), strict=True)))


def rows_of(money: Money, rows: slice | NDArray[np.generic]) -> Money:
    """The money terms of some of the customers; what is the same for all stays a scalar."""
    terms = msgspec.structs.asdict(money)
    return Money(**{name: term[rows] if isinstance(term, np.ndarray) else term for name, term in terms.items()})


def mean(amounts: Floats, weight: Floats) -> float:
    """Weighted mean over the customers whose amount is known; NaN where it is of none. Shapes [n]."""
    known = np.isfinite(amounts) & (weight > 0)
    return float(np.average(amounts[known], weights=weight[known])) if known.any() else float("nan")


def finite(figure: float) -> float | None:
    """The figure, or None where there is none."""
    return float(figure) if np.isfinite(figure) else None
