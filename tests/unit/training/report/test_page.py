"""The page: whole in both languages, the same bytes each time, small, and harmless whatever the names are."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.contract import Feature
from tests.support.books import write_book
from tests.support.findings import HOSTILE, findings_of, hostile
from training.backtest.backtest import Absent
from training.model.bins import Bins
from training.report.findings import Findings
from training.report.page import SECTIONS, render
from training.report.voice import LANGUAGES

MB = 1e6
VOID = {"meta", "link", "input", "br", "hr"}


class Reader(HTMLParser):
    """Reads a page as a browser does: elements by language, their texts, and whether every element is closed."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: dict[str, Counter[str]] = {lang: Counter() for lang in LANGUAGES}
        self.texts: dict[str, list[str]] = {lang: [] for lang in LANGUAGES}
        self.attributes: list[tuple[str, str | None]] = []
        self.path: list[tuple[str, str]] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self.path[-1][1] if self.path else ""
        lang = dict(attrs).get("lang") or inside if tag == "article" else inside
        if lang:
            self.elements[lang][tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.path.append((tag, lang))

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.path and self.path[-1][1] and data.strip():
            self.texts[self.path[-1][1]].append(data)


def test_both_languages_say_the_same_things(findings: Findings) -> None:
    read = Reader(render(findings))
    assert read.path == []
    assert read.elements["en"] == read.elements["ja"]
    assert read.elements["en"]["section"] == len(SECTIONS)
    assert len(read.texts["en"]) == len(read.texts["ja"])


def test_no_japanese_is_left_in_english_and_no_sentence_in_japanese(findings: Findings) -> None:
    read = Reader(render(findings))
    assert not [text for text in read.texts["en"] if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text)]
    assert not [text for text in read.texts["ja"] if re.search(r"[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+ [a-z]+", text)]


def test_nothing_undefined_is_printed(findings: Findings) -> None:
    words = " ".join(text for texts in Reader(render(findings)).texts.values() for text in texts)
    assert not re.search(r"\b(nan|inf|None)\b", words)


def test_the_same_findings_give_the_same_bytes(findings: Findings) -> None:
    assert render(findings) == render(findings)


def test_names_that_mean_harm_are_shown_and_do_none(findings: Findings) -> None:
    page = render(hostile(findings))
    read, harmless = Reader(page), Reader(render(findings))
    for lang in LANGUAGES:
        foreign = {tag: n for tag, n in read.elements[lang].items() if tag not in harmless.elements[lang]}
        assert foreign == {}
        assert any(HOSTILE[1] in text for text in read.texts[lang])
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert page.count(b"<script>") == 1


def test_every_plot_has_a_text_alternative_and_its_figures(findings: Findings) -> None:
    page = render(findings).decode()
    plots = re.findall(r"<svg[^>]*role=\"img\"[^>]*>", page)
    assert plots
    assert all(re.search(r'aria-label="[^"]{10,}"', plot) for plot in plots)
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert all("<details>" in figure and "<table>" in figure for figure in figures)


def test_a_real_book_fits_in_a_megabyte_and_a_half(findings: Findings) -> None:
    assert len(render(findings)) < 1.5 * MB


def test_two_hundred_features_fit_in_five_megabytes(findings: Findings) -> None:
    page = render(widened(findings, 200))
    assert len(page) < 5 * MB
    assert b"and 194 more rows" in page


def widened(findings: Findings, features: int) -> Findings:
    """The findings with copies of their features, half of the copies with 254 categories."""
    rng = np.random.default_rng(0)
    contract, tables, columns = findings.manifest.contract, findings.tables, [*findings.x.T]
    more, bins, effects = [*contract.features], [*tables.bins], [*tables.effects]
    while len(more) < features:
        j = len(more)
        if j % 2:
            more.append(msgspec.structs.replace(contract.features[-1], name=f"number_{j}"))
            bins.append(tables.bins[-1])
            effects.append(tables.effects[-1])
            columns.append(columns[len(contract.features) - 1])
            continue
        names = tuple(f"とても長いカテゴリーの名前 {k}" for k in range(254))
        more.append(Feature(name=f"category_{j}", kind="category", categories=names))
        edges = np.arange(254, dtype=np.float32) - np.float32(0.5)
        bins.append(Bins(edges, categorical=True, learned=np.r_[False, False, np.ones(254, dtype=np.bool_)]))
        effects.append(rng.normal(0, 1.0, (256, 1)).repeat(tables.grid.segments, axis=1))
        columns.append(rng.integers(0, 254, len(findings.x)).astype(np.float32))
    wide = msgspec.structs.replace(contract, features=tuple(more))
    return msgspec.structs.replace(
        findings,
        manifest=msgspec.structs.replace(findings.manifest, contract=wide),
        tables=tables._replace(bins=bins, effects=effects),
        spread=tuple(np.full(len(table), 0.1) for table in effects),
        x=np.column_stack(columns),
    )


def test_what_was_not_measured_is_said_so(findings: Findings) -> None:
    bare = msgspec.structs.replace(
        findings,
        worth=None,
        comparison=None,
        spread=(),
        backtest=Absent({"en": "No money is known.", "ja": "金額が不明です。"}),
    )
    read = Reader(render(bare))
    assert read.elements["en"] == read.elements["ja"]
    words = " ".join(read.texts["en"])
    assert "No money is known." in words
    assert "Not compared yet" in words
    assert "Not measured for this model" in words


PLAIN = """\
[book]
name = "plain"
data = "small.csv"
currency = "JPY"
period = "year"
[lifetime]
churned = "churned"
[features]
seats = { kind = "number" }
"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_book_of_one_number_without_time_or_money_is_told_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{'yes' if rng.random() < seats / 20 else 'no'},{seats}" for seats in rng.integers(0, 10, 600)]
    read = Reader(render(findings_of(write_book(tmp_path, PLAIN, "churned,seats", *rows), 600)))
    assert read.elements["en"] == read.elements["ja"]
    assert not re.search(r"\b(nan|inf|None)\b", " ".join(read.texts["en"]))
