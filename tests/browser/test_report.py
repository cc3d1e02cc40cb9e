"""The report in a real browser: it loads nothing, fits its window, speaks both languages, is accessible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.support.findings import hostile
from training.report.findings import Findings
from training.report.page import SECTIONS, render
from training.report.voice import LANGUAGES, Lang

Scheme = Literal["light", "dark"]
WIDTHS = (320, 360, 1280)


@pytest.fixture(scope="session")
def reports(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of the sample book, and one of the same book with names that mean harm."""
    folder = tmp_path_factory.mktemp("reports")
    paths = {}
    for name, found in (("telco", findings), ("hostile", hostile(findings))):
        paths[name] = folder / f"{name}.html"
        paths[name].write_bytes(render(found))
    return paths


@contextmanager
def opened(
    browser: Browser, path: Path, lang: Lang, *, width: int = 1280, scheme: Scheme = "light", script: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """The report in a new context, and what went wrong: requests, console messages, errors."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script
    )
    page, wrong = context.new_page(), list[str]()
    page.on("request", lambda request: wrong.append(request.url.partition("#")[0]))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.goto(f"{path.as_uri()}#{lang}")
    wrong.remove(path.as_uri())  # asked for once, by the line above
    yield page, wrong
    context.close()


@pytest.mark.parametrize("name", ["telco", "hostile"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_loads_nothing_and_complains_of_nothing(
    browser: Browser, reports: dict[str, Path], name: str, lang: Lang
) -> None:
    with opened(browser, reports[name], lang) as (page, wrong):
        page.wait_for_load_state("networkidle")
        for summary in page.locator("details > summary:visible").all()[:5]:
            summary.click()
        assert wrong == []


@pytest.mark.parametrize("name", ["telco", "hostile"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_overflows_the_window(browser: Browser, reports: dict[str, Path], name: str, lang: Lang) -> None:
    with opened(browser, reports[name], lang) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width in WIDTHS:
            _fits(page, width)


def _fits(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """width => [...document.querySelectorAll('article p, article li, figure, svg[role=img], h1, h2, h3')]
               .filter(each => !each.closest('.scroll') && each.getBoundingClientRect().right > width + 1)
               .map(each => each.outerHTML.slice(0, 200))""",
        width,
    )
    assert beyond == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_of_a_plot_lie_within_it(browser: Browser, reports: dict[str, Path], lang: Lang) -> None:
    with opened(browser, reports["hostile"], lang) as (page, _):
        outside = page.evaluate(
            """() => [...document.querySelectorAll('svg[role=img] text')].filter(word => {
                 const a = word.getBoundingClientRect(), b = word.closest('svg').getBoundingClientRect();
                 return a.width > 0 && (a.left < b.left - 3 || a.right > b.right + 3);
               }).map(word => word.textContent)"""
        )
        assert outside == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_language_is_chosen_without_a_script(browser: Browser, reports: dict[str, Path], lang: Lang) -> None:
    with opened(browser, reports["telco"], "en", script=False) as (page, _):
        page.get_by_role("radio", name={"en": "English", "ja": "日本語"}[lang]).check()
        assert page.locator("article:visible").get_attribute("lang") == lang
        assert page.locator("article:visible section").count() == len(SECTIONS)


def test_the_readers_language_is_chosen_with_one(browser: Browser, reports: dict[str, Path]) -> None:
    context = browser.new_context(locale="ja-JP")
    page = context.new_page()
    page.goto(reports["telco"].as_uri())
    assert page.locator("article:visible").get_attribute("lang") == "ja"
    assert page.evaluate("document.documentElement.lang") == "ja"
    context.close()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_entry_of_the_contents_leads_to_its_section(
    browser: Browser, reports: dict[str, Path], lang: Lang
) -> None:
    with opened(browser, reports["telco"], lang) as (page, _):
        links = page.locator("nav:visible a").all()
        assert len(links) == len(SECTIONS)
        for link in links:
            assert page.locator(f"{link.get_attribute('href')}:visible h2").inner_text() == link.inner_text()


@pytest.mark.parametrize(("scheme", "width", "lang"), [("light", 1280, "en"), ("dark", 360, "ja")])
def test_axe_finds_no_violation(
    browser: Browser, reports: dict[str, Path], scheme: Scheme, width: int, lang: Lang
) -> None:
    with opened(browser, reports["telco"], lang, width=width, scheme=scheme) as (page, _):
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        result = Axe().run(page)
        assert result.response["violations"] == [], result.generate_report()
