"""Markup: elements built by calls, in which every text that is not markup already is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Child = str | Markup | None
"""A text, escaped when it is written; markup, written as it is; or nothing."""

VOID = frozenset({"br", "hr", "input", "link", "meta"})


def tag(name: str, *children: Child, **attributes: str | float | None) -> Markup:
    """An element, HTML or SVG. An attribute that is None is left out, an empty one stands alone.

    An underscore at the end of an attribute's name is dropped (`class_`), others are dashes (`stroke_width`).
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in VOID:
        return Markup(f"<{name}{written}>")  # noqa: S704 - attributes are escaped, names are ours
    return Markup(f"<{name}{written}>{join(children)}</{name}>")  # noqa: S704 - the same


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Texts and markup, one after the other."""
    return Markup(between).join(child for child in children if child is not None)  # noqa: S704 - ours


def _attribute(key: str, value: str | float) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, float):
        value = f"{value:.2f}".rstrip("0").rstrip(".")
    return f' {name}="{escape(value)}"' if value != "" else f" {name}"
