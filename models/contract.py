"""The feature contract: which features a model takes, in which order, and how each becomes a number."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import FeatureError, nearest

Kind = Literal["number", "category", "flag"]
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

    def title(self, lang: str) -> str:
        """The label in `lang`, else in English, else the name."""
        return self.label.get(lang) or self.label.get("en") or self.name


class Contract(msgspec.Struct, frozen=True, dict=True):
    """An ordered tuple of features; encodes a mapping of raw values into one float32 vector."""

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def index(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what decides the encoding: names, order, kinds, categories, and whether missing has a meaning."""
        decisive = [(f.name, f.kind, f.categories, f.rare, f.missing_seen) for f in self.features]
        return "sha256:" + hashlib.sha256(msgspec.json.encode(decisive)).hexdigest()

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

        A feature that is not in `values` keeps what `onto` has; None makes it missing.

        Raises:
            FeatureError: a name outside the contract, or a value that its kind does not accept.
        """
        vector = self.blank() if onto is None else onto.copy()
        for name, value in values.items():
            position = self.index.get(name)
            if position is None:
                raise FeatureError(name, f"is not a feature of this model{nearest(name, self.names)}")
            vector[position] = self.code(position, value)
        return vector

    def code(self, position: int, value: Scalar) -> float:
        """The number that stands for one raw value: NaN when missing, -1 for an unknown category.

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
        """The raw value behind a code, for people to read; None when missing or unknown."""
        feature = self.features[position]
        if math.isnan(code):
            return None
        if feature.kind == "category":
            return (*feature.categories, RARE)[int(code)] if code >= 0 else None
        if feature.kind == "flag":
            return bool(code)
        shown = float(f"{code:.7g}")
        return int(shown) if shown.is_integer() else shown

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


def _spell(value: Scalar) -> str:
    """What kind of thing was sent; never the value itself, which may be personal."""
    return {str: "a string", bool: "true or false"}.get(type(value), "another number")
