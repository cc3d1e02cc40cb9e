"""Blocks: the paragraphs, tables, figures and notes that sections are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from markupsafe import Markup

from training.report.findings import Findings
from training.report.markup import Child, join, tag
from training.report.plots import Plot, plot, swatch
from training.report.voice import Voice

MOST_ROWS = 60
"""Rows of a table of data; a feature may have 254 categories, and nobody reads them all."""


LONG = 30
"""Letters from which a cell holds a sentence."""


class Section(msgspec.Struct, frozen=True):
    """One chapter: `key` is its address on the page."""

    key: str
    title: str
    body: Markup


Writer = Callable[[Findings, Voice], Section]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table. The first column names the row; `text` are the positions of further columns that are no figures.

    `warned` are positions of rows that ask for attention.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Child]]
    text: Sequence[int] = ()
    warned: Sequence[int] = ()


def paragraph(*children: Child) -> Markup:
    """Running text."""
    return tag("p", *children)


def heading(text: str) -> Markup:
    """Of a part of a section."""
    return tag("h3", text)


def note(text: Child, kind: Literal["note", "warn"] = "note", *, label: str | None = None) -> Markup:
    """A remark beside the text; a warning carries a word as well as a colour."""
    return tag("p", tag("strong", label, " ") if label else None, text, class_=f"note {kind}")


def warned(title: str, items: Sequence[Child]) -> Markup:
    """Several warnings in one box."""
    return tag("div", tag("p", tag("strong", title)), bullets(items), class_="note warn")


def estimate(figure: str, interval: str | None) -> Markup:
    """A figure in a table, its interval below it."""
    return join([figure, tag("small", interval) if interval else None])


def folded(title: str, *children: Child) -> Markup:
    """What few readers want to see, behind a title that opens it."""
    return tag("details", tag("summary", title), *children)


def bullets(items: Sequence[Child]) -> Markup:
    """A list of sentences."""
    return tag("ul", *(tag("li", item) for item in items), class_="text")


def tiles(facts: Sequence[tuple[str, str]]) -> Markup:
    """A few figures that matter most: (figure, what it is)."""
    return tag(
        "dl",
        *(tag("div", tag("dt", what), tag("dd", figure)) for figure, what in facts),
        class_="tiles",
    )


def side_by_side(*figures: Markup) -> Markup:
    """Figures that stand beside each other where the page is wide enough."""
    return tag("div", *figures, class_="beside")


def table(shown: Table) -> Markup:
    """A table that scrolls by itself where it is wider than the page."""
    kinds = [_kind(shown, position) for position in range(len(shown.head))]
    head = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in zip(shown.head, kinds, strict=True)))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
            class_="warned" if position in set(shown.warned) else None,
        )
        for position, row in enumerate(shown.rows)
    ]
    written = tag("table", tag("caption", shown.caption), tag("thead", head), tag("tbody", *body))
    return tag("div", written, class_="scroll", role="group", aria_label=shown.caption, tabindex="0")


def figure(
    title: str, picture: Markup, behind: Table, say: Voice, *, remark: Child = None, legend: Markup | None = None
) -> Markup:
    """A picture with its title, a remark on how to read it, and the figures behind it."""
    rows = behind.rows[:MOST_ROWS]
    left = len(behind.rows) - len(rows)
    more = tag("p", say(f"and {left:,} more rows.", f"ほか{left:,}行。")) if left else None
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), tag("span", remark) if remark else None),
        legend,
        picture,
        folded(say("Figures", "数値"), table(msgspec.structs.replace(behind, rows=rows)), more),
    )


def plotted(title: str, shown: Plot, behind: Table, say: Voice, *, remark: Child = None) -> Markup:
    """A plot as a figure, with a legend where it has several series."""
    named = [series for series in shown.series if series.label]
    legend = tag("ul", *(tag("li", swatch(each), each.label) for each in named), class_="legend")
    return figure(title, plot(shown), behind, say, remark=remark, legend=legend if len(named) > 1 else None)


def _kind(shown: Table, column: int) -> str | None:
    """What a column holds: a row's name, figures, words, or sentences, which need room on a phone."""
    if column == 0:
        return None
    if column not in shown.text:
        return "figure"
    return "prose" if any(len(row[column] or "") > LONG for row in shown.rows) else "word"
