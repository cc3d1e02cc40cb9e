"""The feature contract: which features a model takes, in which order, and how each becomes a number."""

from __future__ import annotations

import contextlib
import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.dates import AHEAD_DAYS, Part, parts_of, read_date, title_of
from models.errors import FeatureError, nearest

Kind = Literal["number", "category", "flag", "date"]
"""A date is one feature where it is sent, and one column of the vector for each of its parts."""

Scalar = bool | int | float | str | None
Vector = NDArray[np.float32]

MISSING = np.float32(np.nan)
UNKNOWN = np.float32(-1)
"""Code of a category that training did not see; a category's own codes start at 0."""

RARE = "(rare)"
"""What people read for the category of a prospect that shares its code with others."""

FLOAT32_MAX = float(np.finfo(np.float32).max)


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One feature, as the book declares it and as training saw it.

    `low` and `high` bound the numbers seen in training; `missing_seen` says whether training saw the feature missing.
    `rare` are categories too rare to tell apart, which share the code after the last of `categories`.
    `part` is what the column holds of the date that is sent as `source`, whose label it carries.
    """

    name: str
    kind: Kind
    label: dict[str, str] = {}
    unit: str | None = None
    categories: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    missing_seen: bool = False
    source: str | None = None
    part: Part | None = None

    @property
    def sent_as(self) -> str:
        """The name under which the value is sent, and by which the book has it."""
        return self.source or self.name

    def title(self, lang: str) -> str:
        """The label in `lang`, else in English, else the name; of a part, with what it is of its date."""
        label = self.label.get(lang) or self.label.get("en") or self.sent_as
        return label if self.part is None else title_of(label, self.part, lang)


class Contract(msgspec.Struct, frozen=True, dict=True):
    """An ordered tuple of features, a column each; encodes a mapping of raw values into one float32 vector."""

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def index(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what decides the encoding: names, order, kinds, categories, parts, and what may be missing."""
        decisive = [
            (f.name, f.kind, f.categories, f.rare, f.missing_seen, *((f.source, f.part) if f.part else ()))
            for f in self.features
        ]
        return "sha256:" + hashlib.sha256(msgspec.json.encode(decisive)).hexdigest()

    @cached_property
    def positions(self) -> dict[str, tuple[int, ...]]:
        """Which columns each value fills, by the name that it is sent under: one, or one for each part of a date."""
        found: dict[str, tuple[int, ...]] = {}
        for position, feature in enumerate(self.features):
            found[feature.sent_as] = (*found.get(feature.sent_as, ()), position)
        return found

    @cached_property
    def sent(self) -> tuple[Feature, ...]:
        """The features as they are sent: a date itself in place of its parts."""
        firsts = [self.features[columns[0]] for columns in self.positions.values()]
        return tuple(
            f if f.part is None else Feature(name=f.sent_as, kind="date", label=f.label, missing_seen=f.missing_seen)
            for f in firsts
        )

    @cached_property
    def _dates(self) -> dict[str, tuple[tuple[int, Part], ...]]:
        """Which columns each date fills, and with which of its parts."""
        found: dict[str, tuple[tuple[int, Part], ...]] = {}
        for position, feature in enumerate(self.features):
            if feature.part is not None:
                found[feature.sent_as] = (*found.get(feature.sent_as, ()), (position, feature.part))
        return found

    @cached_property
    def _ages(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The column of each age, and the columns of all parts of its date."""
        return tuple((j, self.positions[f.sent_as]) for j, f in enumerate(self.features) if f.part == "age")

    @cached_property
    def _codes(self) -> tuple[dict[str, float], ...]:
        return tuple(
            dict.fromkeys(f.rare, float(len(f.categories)))
            | {value: float(code) for code, value in enumerate(f.categories)}
            for f in self.features
        )

    def blank(self) -> Vector:
        """The vector of a prospect of whom nothing is known. Shape [F]."""
        return np.full(len(self.features), MISSING, dtype=np.float32)

    def encode(self, values: Mapping[str, Scalar], onto: Vector | None = None) -> Vector:
        """Encode raw `values` over `onto` (a blank vector if None), which is left untouched. Shape [F].

        A feature that is not in `values` keeps what `onto` has; None makes it missing. Of a date, what is encoded holds
        on any day: an age is the ordinal of its date until `as_of` counts it.

        Raises:
            FeatureError: a name outside the contract, or a value that its kind does not accept.
        """
        vector = self.blank() if onto is None else onto.copy()
        for name, value in values.items():
            self.write(vector, name, value)
        return vector

    def write(self, vector: Vector, name: str, value: Scalar) -> None:
        """Encode one raw value into its columns of `vector`.

        Raises:
            FeatureError: a name outside the contract, or a value that its kind does not accept.
        """
        for position, code in self.codes(name, value):
            vector[position] = code

    def codes(self, name: str, value: Scalar) -> Sequence[tuple[int, float]]:
        """The columns that one raw value fills, each with what goes there.

        Raises:
            FeatureError: a name outside the contract, or a value that its kind does not accept.
        """
        columns = self.positions.get(name)
        if columns is None:
            raise FeatureError(name, self._stranger(name))
        if name not in self._dates:
            return ((columns[0], self.code(columns[0], value)),)
        parts = parts_of(_date(name, value))
        return [(position, self.code(position, parts[part])) for position, part in self._dates[name]]

    def as_of(self, x: Vector, today: date) -> Vector:
        """Encoded prospects [n, F] as they are `today`: ages counted, and dates of later days missing.

        What is dated later than the day of the decision cannot have been known by then.
        """
        if not self._ages:
            return x
        x = x.copy()
        for position, parts in self._ages:
            days = today.toordinal() - x[:, position]
            x[:, position] = np.maximum(days, 0)
            for part in parts:
                x[days < -AHEAD_DAYS, part] = MISSING
        return x

    def encode_columns(self, values: Mapping[str, Scalar]) -> Vector:
        """Encode values by the columns' own names, parts of a date as they are on the day in question. Shape [F].

        Raises:
            FeatureError: a value that its column's kind does not accept.
        """
        codes = [self.code(position, values.get(name)) for position, name in enumerate(self.names)]
        return np.array(codes, dtype=np.float32)

    def code(self, position: int, value: Scalar) -> float:
        """The number that stands for one value of a column: NaN when missing, -1 for an unknown category.

        Raises:
            FeatureError: a value that the feature's kind does not accept.
        """
        feature = self.features[position]
        if value is None:
            return math.nan
        if feature.kind == "category":
            return self._category(feature, self._codes[position], value)
        if feature.kind == "flag":
            return _flag(feature, value)
        return _number(feature, value)

    def raw(self, position: int, code: float) -> Scalar:
        """The value of a column behind a code, for people to read; None when missing or unknown."""
        feature = self.features[position]
        if math.isnan(code):
            return None
        if feature.kind == "category":
            return (*feature.categories, RARE)[int(code)] if code >= 0 else None
        if feature.kind == "flag":
            return bool(code)
        shown = float(f"{code:.7g}")
        return int(shown) if shown.is_integer() else shown

    def _stranger(self, name: str) -> str:
        """Why a name outside the contract is refused."""
        if name in self.index:
            return f"is made of a date; send that as {self.features[self.index[name]].sent_as!r}"
        return f"is not a feature of this model{nearest(name, self.positions)}"

    def _category(self, feature: Feature, codes: dict[str, float], value: Scalar) -> float:
        if not isinstance(value, str):
            raise FeatureError(feature.name, f"expected a category as a string, got {_spell(value)}")
        code = codes.get(value)
        if code is not None:
            return code
        text = normalize(value)
        return codes.get(text, float(UNKNOWN)) if text else math.nan


def normalize(category: str) -> str:
    """The one spelling of a category: full-width and half-width characters folded (NFKC), blanks trimmed."""
    return unicodedata.normalize("NFKC", category).strip()


def _flag(feature: Feature, value: Scalar) -> float:
    if isinstance(value, str) or value not in (0, 1):
        raise FeatureError(feature.name, f"expected true or false, got {_spell(value)}")
    return float(value)


def _number(feature: Feature, value: Scalar) -> float:
    if isinstance(value, bool | str) or value is None:
        raise FeatureError(feature.name, f"expected a number, got {_spell(value)}")
    if not -FLOAT32_MAX <= value <= FLOAT32_MAX:
        raise FeatureError(feature.name, "expected a finite number of at most 3.4e38")
    return float(value)


def _date(name: str, value: Scalar) -> date | None:
    if value is None:
        return None
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return read_date(value)
    raise FeatureError(name, f"expected a date such as 2026-03-31, got {_spell(value)}")


def _spell(value: Scalar) -> str:
    """What kind of thing was sent; never the value itself, which may be personal."""
    return {str: "a string", bool: "true or false"}.get(type(value), "another number")
