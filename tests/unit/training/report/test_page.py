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
from training.backtest.backtest import Absent, Backtest
from training.evaluation.measure import Figure
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


def measured(findings: Findings, **figures: Figure) -> Findings:
    """The findings with other figures of all customers held out."""
    overall = msgspec.structs.replace(findings.evaluation.overall, **figures)
    return msgspec.structs.replace(findings, evaluation=msgspec.structs.replace(findings.evaluation, overall=overall))


def test_a_score_that_may_be_guessing_is_not_said_to_tell_customers_apart(findings: Findings) -> None:
    sure = measured(findings, auc_at_horizon=Figure(0.70, 0.65, 0.75))
    unsure = measured(findings, auc_at_horizon=Figure(0.53, 0.47, 0.60))
    said, denied = (" ".join(Reader(render(each)).texts["en"]) for each in (sure, unsure))
    assert "The score tells them apart" in said
    assert "The score tells them apart" not in denied
    assert "The score cannot tell them apart" in denied
    assert "It may rank no better than guessing" in denied


def test_a_policy_that_turns_nobody_away_is_not_said_to_change_profit(findings: Findings) -> None:
    assert isinstance(findings.backtest, Backtest)
    place = msgspec.structs.replace(findings.backtest.place, share=0.0)
    idle = msgspec.structs.replace(findings, backtest=msgspec.structs.replace(findings.backtest, place=place))
    words = " ".join(Reader(render(idle)).texts["en"])
    assert "The policy turns nobody away." in words
    assert "Following the policy" not in words


def test_a_level_of_risk_that_is_surely_off_is_to_be_looked_at_first(findings: Findings) -> None:
    fair = measured(findings, expected_over_observed=Figure(1.13, 0.98, 1.30))
    off = measured(findings, expected_over_observed=Figure(1.13, 1.03, 1.23))
    passed, warned = (" ".join(Reader(render(each)).texts["en"]) for each in (fair, off))
    assert "It expects 113 leavers for every 100 there were" not in passed
    assert "It expects 113 leavers for every 100 there were" in warned


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
    assert sum("The money of no customer is known" in text for text in read.texts["en"]) == 1
