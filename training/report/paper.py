"""Paper: how wide a plot is, and how words are set on it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

from markupsafe import Markup

from training.report.markup import tag

WIDTH = 360.0
"""Of a plot, in units that are pixels on a phone; the page scales it up a little on a desk."""

EM = 12.0
"""Size of the letters."""

Style = Literal["a", "b", "c", "muted"]
"""A colour and a dash, of the style sheet."""

Spell = Callable[[float], str]


def word(letters: str, x: float, y: float, *, anchor: str | None = None, strong: bool = False) -> Markup:
    """Letters at a place of the paper."""
    return tag("text", letters, x=x, y=y, text_anchor=anchor, class_="strong" if strong else None)


def shortened(text: str, room: float, em: float = EM) -> str:
    """The text, or as much of it as fits in `room`."""
    used = 0.0
    for position, letter in enumerate(text):
        wide = unicodedata.east_asian_width(letter) in "WF"
        used += em * (1.0 if wide else 0.8 if letter.isupper() else 0.62)
        if used > room:
            return text[: max(position - 1, 1)] + "…"
    return text
