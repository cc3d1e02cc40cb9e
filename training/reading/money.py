"""The book's `[value]`: what a customer is worth, each money term a constant or a column."""

from __future__ import annotations

from typing import Annotated

import msgspec

from models.contract import Kind, normalize
from models.errors import MoneyError
from models.money import BOUNDS, MoneyTerms, Segment
from training.errors import BookError
from training.reading.keys import Place

Terms = dict[str, float | str]


def read_money(place: Place, kinds: dict[str, Kind]) -> MoneyTerms:
    """Read `[value]`; `kinds` are the features' kinds, since a term may be read from a feature.

    Raises:
        BookError: an unknown term, a constant out of its bounds, or a feature that is no number.
    """
    terms = _terms(place, kinds, besides="segments")
    if "revenue" in terms and ("order_value" in terms or "orders_per_period" in terms):
        raise place.at("revenue").error("expected revenue, or order_value and orders_per_period, not both")
    for one, other in (("order_value", "orders_per_period"), ("orders_per_period", "order_value")):
        if one in terms and other not in terms:
            raise place.absent(other, f"a constant or a column's name, which {one} needs")
    segments = tuple(
        _segment(value, column.name, kinds)
        for column in place.at("segments", default={}).tables()
        for value in column.tables()
    )
    return MoneyTerms(terms=terms, segments=segments)


def money_keys(money: MoneyTerms) -> list[tuple[str, str]]:
    """Every column that the money is read from, behind the key that names it."""
    parts = [("value", money.terms)]
    parts += [(f"value.segments.{segment.column}.{segment.value}", segment.terms) for segment in money.segments]
    named = [(f"{key}.{name}", term) for key, terms in parts for name, term in terms.items() if isinstance(term, str)]
    return named + [(f"value.segments.{segment.column}", segment.column) for segment in money.segments]


def _segment(place: Place, column: str, kinds: dict[str, Kind]) -> Segment:
    if kinds.get(column) == "date":
        raise place.error(f"expected segments of a category, a flag or a number, {column!r} is a date")
    if kinds.get(column) == "number":
        try:
            float(place.name)
        except ValueError:
            reason = f"expected a number as the last key, since the feature {column!r} is one"
            raise BookError(place.file, ".".join(place.path), reason) from None
    return Segment(column=column, value=normalize(place.name), terms=_terms(place, kinds))


def _terms(place: Place, kinds: dict[str, Kind], besides: str = "") -> Terms:
    place.only(*BOUNDS, *((besides,) if besides else ()))
    terms: Terms = {}
    for name in place.names():
        if name == besides:
            continue
        term = place.at(name).read(float | Annotated[str, msgspec.Meta(min_length=1)])
        if isinstance(term, str):
            if kinds.get(term, "number") != "number":
                raise place.at(name).error(f"expected a column of numbers, the feature is a {kinds[term]}")
            terms[name] = term
            continue
        try:
            terms[name] = MoneyTerms().check(name, term)
        except MoneyError as error:
            raise place.at(name).error(f"{error.reason}, or a column's name") from error
    return terms
