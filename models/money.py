"""The money terms: what the book says a customer brings and costs, resolved for each prospect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Contract, Vector
from models.errors import MoneyError, nearest

Floats = NDArray[np.float64]
Number = float | Floats

BOUNDS: dict[str, tuple[float, float]] = {
    "revenue": (0.0, 1e15),
    "order_value": (0.0, 1e15),
    "orders_per_period": (0.0, 1e6),
    "discount": (0.0, 1.0),
    "gross_margin": (-1e3, 1.0),
    "cost_to_serve": (0.0, 1e15),
    "acquisition_spent": (0.0, 1e15),
    "closing_cost": (0.0, 1e15),
    "annual_discount_rate": (0.0, 10.0),
}
"""Every money term, with the values it may take: money in the book's currency, shares, and a rate per year.

The upper bounds of money are far beyond any customer, and keep what is computed from them finite.
"""

LEFT_OUT: dict[str, float] = {
    "revenue": np.nan,
    "order_value": np.nan,
    "orders_per_period": np.nan,
    "discount": 0.0,
    "gross_margin": np.nan,
    "cost_to_serve": 0.0,
    "acquisition_spent": 0.0,
    "closing_cost": 0.0,
    "annual_discount_rate": 0.0,
}
"""What a term is when the book does not name it: a cost of nothing, and money unknown without revenue or margin."""


class Segment(msgspec.Struct, frozen=True):
    """Money terms of their own for the customers whose `column` has `value`."""

    column: str
    value: str
    terms: dict[str, float | str]


class MoneyTerms(msgspec.Struct, frozen=True, dict=True):
    """The book's `[value]`: each term a constant, or the name of the column that holds it."""

    terms: dict[str, float | str] = {}
    segments: tuple[Segment, ...] = ()

    @cached_property
    def amounts(self) -> frozenset[str]:
        """Every column that some term takes its amount from."""
        parts = (self.terms, *(segment.terms for segment in self.segments))
        return frozenset(term for part in parts for term in part.values() if isinstance(term, str))

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column that some term or segment reads."""
        return self.amounts | {segment.column for segment in self.segments}

    @cached_property
    def _varying(self) -> tuple[str, ...]:
        """The terms that differ between prospects."""
        segmented = {name for segment in self.segments for name in segment.terms}
        return tuple(name for name in BOUNDS if name in segmented or isinstance(self.terms.get(name), str))

    @cached_property
    def _constants(self) -> dict[str, Number]:
        """Every other term."""
        terms = {**LEFT_OUT, **self.terms}
        return {name: float(terms[name]) for name in BOUNDS if name not in self._varying}

    def check(self, name: str, value: float) -> float:
        """A sent or booked value of the term `name`, in its bounds.

        Raises:
            MoneyError: the term is not one of the book's keys, or the value is out of bounds.
        """
        if name not in BOUNDS:
            raise MoneyError(name, f"is not a money term{nearest(name, BOUNDS)}")
        low, high = BOUNDS[name]
        if not low <= value <= high:
            raise MoneyError(name, f"expected a number between {low:g} and {high:g}")
        return float(value)

    def check_column(self, column: str, value: float) -> float:
        """A value of a column that terms take their amounts from, in the bounds of every such term.

        Raises:
            MoneyError: the value is out of bounds.
        """
        parts = (self.terms, *(segment.terms for segment in self.segments))
        bounds = [BOUNDS[term] for part in parts for term, source in part.items() if source == column]
        low, high = max(low for low, _ in bounds), min(high for _, high in bounds)
        if not low <= value <= high:
            raise MoneyError(column, f"expected a number between {low:g} and {high:g}")
        return float(value)

    def resolve(
        self, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]], sent: Mapping[str, Floats]
    ) -> Money:
        """The money of n prospects: what was sent, else their segment's, else the book's.

        Args:
            contract: places each feature in `x`.
            x: encoded prospects, float32 [n, F].
            columns: columns that the terms read and that are not features, each [n].
            sent: terms that came with the prospects, float64 [n], NaN where one did not.
        """
        resolved = dict(self._constants)
        for name in self._varying:
            value = self._column(self.terms.get(name, LEFT_OUT[name]), contract, x, columns)
            for segment in self.segments:
                if name in segment.terms:
                    here = _members(segment, contract, x, columns)
                    value = np.where(here, self._column(segment.terms[name], contract, x, columns), value)
            resolved[name] = value
        for name, given in sent.items():
            resolved[name] = np.where(np.isnan(given), resolved[name], given)
        return Money(**resolved)

    def _column(
        self, term: float | str, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]]
    ) -> Number:
        if not isinstance(term, str):
            return term
        if term in columns:
            return np.asarray(columns[term], dtype=np.float64)
        if term in contract.index:
            return x[:, contract.index[term]].astype(np.float64)
        return np.nan


class Money(msgspec.Struct, frozen=True):
    """The money terms of n prospects, each a scalar or float64 [n]; NaN where unknown."""

    revenue: Number
    order_value: Number
    orders_per_period: Number
    discount: Number
    gross_margin: Number
    cost_to_serve: Number
    acquisition_spent: Number
    closing_cost: Number
    annual_discount_rate: Number

    @property
    def margin_per_period(self) -> Number:
        """What one paid period leaves, before discounting: revenue * (1 - discount) * gross_margin - cost_to_serve."""
        revenue, orders = self.revenue, self.order_value * self.orders_per_period
        if not isinstance(orders, float) or not math.isnan(orders):
            revenue = np.where(np.isnan(revenue), orders, revenue)
        return revenue * (1.0 - self.discount) * self.gross_margin - self.cost_to_serve


def _members(
    segment: Segment, contract: Contract, x: Vector, columns: Mapping[str, NDArray[np.generic]]
) -> NDArray[np.bool_]:
    if segment.column in columns:
        named: NDArray[np.bool_] = np.asarray(columns[segment.column]).astype(str) == segment.value
        return named
    position = contract.index.get(segment.column)
    if position is None:
        return np.zeros(len(x), dtype=np.bool_)
    members: NDArray[np.bool_] = x[:, position] == _segment_code(contract, position, segment.value)
    return members


def _segment_code(contract: Contract, position: int, value: str) -> np.float32:
    """The code of a segment's value, which TOML spells as text whatever the feature's kind; NaN when there is none."""
    kind = contract.features[position].kind
    if kind == "category":
        code = contract.code(position, value)
        return np.float32(np.nan if code < 0 else code)
    if kind == "flag":
        return np.float32(value.lower() in ("true", "1", "yes"))
    return np.float32(value)
