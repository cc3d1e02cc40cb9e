"""Reading a TOML file key by key, with errors that name file, key, what was expected and what was found."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from models.errors import nearest
from training.errors import BookError

Shape = TypeVar("Shape", bound=msgspec.Struct)

_REQUIRED = object()
_NOTHING = object()


class Place:
    """A value in a TOML file, and the keys that lead to it (none for the file itself)."""

    def __init__(self, file: str, keys: tuple[str, ...], value: Any) -> None:
        self.file = file
        self.path = keys
        self.value = value

    @property
    def name(self) -> str:
        """The last key."""
        return self.path[-1]

    def error(self, what: str, remedy: str = "") -> BookError:
        """The error that blames this place, and says what was found."""
        found = "" if self.value is _NOTHING else f", got {_spell(self.value)}"
        return BookError(self.file, ".".join(self.path), what + found + (f"; {remedy}" if remedy else ""))

    def absent(self, key: str, expected: str) -> BookError:
        """The error that a key is missing."""
        return Place(self.file, (*self.path, key), _NOTHING).error(f"is missing, expected {expected}")

    def names(self) -> list[str]:
        """The keys of this table, in the order of the file."""
        return list(self._table())

    def has(self, key: str) -> bool:
        return key in self._table()

    def at(self, key: str, default: Any = _REQUIRED) -> Place:
        """The place one key further.

        Raises:
            BookError: the key is missing and there is no default.
        """
        table = self._table()
        if key not in table and default is _REQUIRED:
            raise self.absent(key, "a table")
        return Place(self.file, (*self.path, key), table.get(key, default))

    def tables(self) -> list[Place]:
        """The places of a table of tables."""
        return [self.at(key) for key in self._table()]

    def only(self, *known: str) -> None:
        """Check that every key is one of the `known`.

        Raises:
            BookError: the first key that is not, with the nearest right name.
        """
        for key in self._table():
            if key not in known:
                where = f"[{'.'.join(self.path)}]" if self.path else "a book"
                hint = nearest(key, known) or f"; expected one of {', '.join(known)}"
                raise Place(self.file, (*self.path, key), _NOTHING).error(f"is not a key of {where}{hint}")

    def struct(self, shape: type[Shape]) -> Shape:
        """This table as a Struct, each key checked by its own type.

        Raises:
            BookError: a key that is unknown, missing or of another type.
        """
        fields = msgspec.structs.fields(shape)
        self.only(*(field.name for field in fields))
        values = {}
        for field in fields:
            if self.has(field.name):
                values[field.name] = self.at(field.name).read(field.type)
            elif field.required:
                raise self.absent(field.name, _expected(field.type, None))
        return shape(**values)

    def read(self, kind: Any) -> Any:
        """This value as the type `kind`.

        Raises:
            BookError: it is of another type.
        """
        try:
            return msgspec.convert(self.value, kind)
        except msgspec.ValidationError:
            raise self.error(f"expected {_expected(kind, self.value)}", _near(kind, self.value)) from None

    def _table(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.error("expected a table")
        return self.value


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        BookError: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BookError(str(path), "", f"cannot be read ({error.strerror}); give the path of a book") from error
    except UnicodeDecodeError as error:
        raise BookError(str(path), "", "is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BookError(str(path), "", f"is not TOML: {error}") from error


def _expected(kind: Any, value: Any) -> str:
    """What a type takes, in words, seeing that it does not take `value`."""
    if choices := _choices(kind):
        return f"one of {', '.join(choices)}"
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        # "Expected `int | array`, got `float` - at `$[0]`": what was found the caller tells, as it is written
        said, _, at = str(error).removeprefix("Expected ").partition(" - at `$")
        words = said.partition(", got ")[0].replace("`", "").replace(" | null", "").split(" ")
        named = {"str": "text", "array": "list", "object": "table", "int": "whole number", "float": "number"}
        inside = f" at {at.rstrip('`')}" if at else ""
        return " ".join({"|": "or", "bool": "true/false", **named}.get(word, word) for word in words) + inside
    return "a value"


def _near(kind: Any, value: Any) -> str:
    """A hint at the nearest choice, where there are choices."""
    return nearest(value, _choices(kind)).removeprefix("; ") if isinstance(value, str) else ""


def _choices(kind: Any) -> tuple[str, ...]:
    """The words that a type allows, where it allows some words alone (or none at all)."""
    literal = next((part for part in (kind, *get_args(kind)) if get_origin(part) is Literal), None)
    return get_args(literal)


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return str(value) if isinstance(value, dt.date) else repr(value)
