"""The pages in a real browser: what managers see of decisions, and the mock CRM from a new lead to an honest no."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.desk import DECIDED, HOSTILE, at_work, deployed
from tests.support.server import Service

ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "build" / "screens"
DOCUMENTED = ("crm", "decisions")
"""Pictures of these are the documentation's too; they are written into it when WRITE_SCREENS is set."""

PICTURE_BYTES = 120_000
WIDTHS, HEIGHT, SCALE = (320, 768, 1160), 800, 0.8
REFUSED = ("401 (Unauthorized)", "403 (Forbidden)", "400 (Bad Request)", "ERR_FAILED")
"""What the browser itself notes of answers that a test asks for."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Where a team has worked."""
    with at_work(tmp_path_factory.mktemp("desk")) as service:
        yield service


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str, str]]:
    """Where nobody has; a key of scope admin and one without."""
    with deployed(tmp_path_factory.mktemp("deployment")) as started:
        yield started


@contextmanager
def opened(
    browser: Browser, service: Service, path: str, *, lang: str = "en", expected: tuple[str, ...] = ()
) -> Iterator[Page]:
    """A page with no console message, error, dialog or foreign host, beside texts in `expected`."""
    origin = str(service.client.base_url).rstrip("/")
    locale = {"en": "en-GB", "ja": "ja-JP"}[lang]
    size: ViewportSize = {"width": WIDTHS[-1], "height": HEIGHT}
    context = browser.new_context(viewport=size, device_scale_factor=SCALE, locale=locale, reduced_motion="reduce")
    page = context.new_page()
    wrong: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(origin + path)
    yield page
    assert [text for text in wrong if not any(each in text for each in expected)] == []
    assert hosts <= {urlsplit(origin).netloc, ""}
    assert "dev" not in page.url
    context.close()


def sign_in(page: Page, key: str = "dev") -> None:
    """With the keyboard alone."""
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type(key)
    page.keyboard.press("Enter")


def looked_at(page: Page, name: str, lang: str, *, height: int = HEIGHT) -> None:
    """Take pictures in both themes and all widths, see that nothing leaves the window, and ask axe.

    Axe is asked about the light page in English and the dark one in Japanese: the language changes no colour.
    """
    folder = ROOT / "docs" / "screens" if name in DOCUMENTED and "WRITE_SCREENS" in os.environ else SCREENS
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        if (lang, theme) in (("en", "light"), ("ja", "dark")):
            result = Axe().run(page)
            assert result.response["violations"] == [], result.generate_report()
        picture = page.screenshot(path=folder / f"{name}-{lang}-{theme}.png")
        assert len(picture) <= PICTURE_BYTES


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_managers_see_what_reps_made_of_warnings(browser: Browser, desk: Service, lang: str) -> None:
    with opened(browser, desk, "/decisions", lang=lang) as page:
        assert page.evaluate("document.documentElement.lang") == lang
        looked_at(page, "sign-in", lang)
        sign_in(page)
        title = {"en": "Refusals that proved right", "ja": "正しかったお断り"}[lang]
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator(".plot svg")).to_have_count(4)
        expect(page.locator(".list li")).to_have_count(25)
        looked_at(page, "decisions", lang, height=1175)


def test_the_page_says_what_the_service_sums_up(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/decisions") as page:
        sign_in(page)
        expect(page.locator(".tiles section")).to_have_count(4)
        summary = desk.client.get("/v1/decisions/summary").json()
        told = page.locator(".tiles .number").all_inner_texts()
        assert told == [
            str(summary["warned"]),
            str(summary["declines"]["counted"]),
            str(summary["overrides"]["count"]),
            str(sum(rep["review"] for rep in summary["reps"])),
        ]
        clear = summary["declines"]["all_clear"]
        assert clear > 0
        expect(page.get_by_text(f"declines of all-clear prospects, not counted: {clear}")).to_be_visible()
        right, wrong = summary["refusals"]["right"], summary["refusals"]["wrong"]
        expect(page.get_by_text(f"{right} of {right + wrong} whom we refused", exact=False)).to_be_visible()
        expect(page.get_by_text("Hold-out: ", exact=False)).to_be_visible()
        reps = page.get_by_role("region", name="Reps, by trust and by revenue")
        expect(reps.get_by_role("row")).to_have_count(1 + len(summary["reps"]))
        page.get_by_text("As a table").click()
        stretches = page.get_by_role("region", name="Over time").get_by_role("row")
        expect(stretches).to_have_count(1 + len(summary["over_time"]["stretches"]))


def test_a_reason_is_text_whatever_it_says(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/decisions") as page:
        sign_in(page)
        expect(page.locator(".list").get_by_text(HOSTILE)).to_be_visible()
        expect(page.locator("img")).to_have_count(0)


def test_filters_choose_and_pages_follow_until_all_is_shown(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/decisions", expected=REFUSED) as page:
        sign_in(page)
        entries = page.locator(".list li")
        expect(entries).to_have_count(25)
        page.get_by_role("button", name="Show more").click()
        expect(entries).to_have_count(50)
        page.get_by_label("Choice").select_option("declined")
        listed = desk.client.get("/v1/decisions?choice=declined&limit=25").json()["decisions"]
        expect(entries).to_have_count(len(listed))
        expect(page.locator(".list .chip.accent").get_by_text("Declined")).to_have_count(len(listed))
        page.get_by_label("Choice").select_option("")
        page.get_by_label("Rep", exact=True).fill("rep-3")
        page.keyboard.press("Tab")
        listed = desk.client.get("/v1/decisions?user=rep-3&limit=25").json()["decisions"]
        expect(entries).to_have_count(len(listed))
        page.get_by_label("Rep", exact=True).fill("no such rep")
        page.keyboard.press("Tab")
        expect(page.get_by_role("alert").get_by_text("This filter cannot be read", exact=False)).to_be_visible()
        page.get_by_label("Rep", exact=True).fill("")
        page.get_by_label("Until").fill("2020-01-01")
        expect(page.get_by_text("No decision matches these filters.")).to_be_visible()
        page.get_by_role("button", name="Clear the filters").click()
        expect(entries).to_have_count(25)
        expect(page.get_by_label("From")).to_be_focused()


def test_what_is_shown_comes_as_a_file_for_a_spreadsheet(browser: Browser, desk: Service, tmp_path: Path) -> None:
    with opened(browser, desk, "/decisions") as page:
        sign_in(page)
        page.get_by_label("Choice").select_option("declined")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV").click()
        assert download.value.suggested_filename == "decisions.csv"
        download.value.save_as(tmp_path / "decisions.csv")
        with (tmp_path / "decisions.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert {line["choice"] for line in lines} == {"declined"}
        assert len(lines) == len(desk.client.get("/v1/decisions?choice=declined&limit=500").json()["decisions"])


def test_a_key_opens_the_page_in_this_tab_alone_until_it_is_signed_out(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/decisions") as page:
        sign_in(page)
        expect(page.locator(".list")).to_be_visible()
        page.reload()
        expect(page.locator(".list")).to_be_visible()
        assert page.evaluate("[JSON.stringify({...localStorage}), document.cookie]") == ["{}", ""]
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("#key")).to_be_focused()
        page.reload()
        expect(page.locator("#key")).to_be_visible()
        expect(page.locator(".list")).to_have_count(0)


def test_a_key_that_does_not_open_it_is_told_why(browser: Browser, deployment: tuple[Service, str, str]) -> None:
    service, admin, scoring = deployment
    with opened(browser, service, "/decisions", expected=REFUSED) as page:
        sign_in(page, "wrong")
        expect(page.get_by_role("alert").get_by_text("This key is not known.")).to_be_visible()
        page.locator("#key").fill(scoring)
        page.keyboard.press("Enter")
        said = "This key may not see decisions: it needs the scope admin."
        expect(page.get_by_role("alert").get_by_text(said)).to_be_visible()
        page.route("**/v1/decisions/summary*", lambda route: route.abort())
        page.locator("#key").fill(admin)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").get_by_text("The service does not answer just now.")).to_be_visible()


def test_where_nothing_is_decided_the_page_says_what_comes_next(
    browser: Browser, deployment: tuple[Service, str, str]
) -> None:
    service, admin, _ = deployment
    with opened(browser, service, "/decisions") as page:
        sign_in(page, admin)
        expect(page.get_by_role("heading", name="No decisions here yet")).to_be_visible()
        expect(page.get_by_text("As soon as a rep answers a warning card, it stands here.")).to_be_visible()
        expect(page.get_by_role("link")).to_have_count(0)
        looked_at(page, "decisions-empty", "en")


def test_language_and_theme_are_switched_and_remembered(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/decisions") as page:
        sign_in(page)
        page.get_by_role("button", name="日本語").click()
        expect(page.get_by_role("heading", name="担当者別")).to_be_visible()
        page.get_by_role("button", name="ダーク").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 19, 22)"
        page.goto(page.url.replace("/decisions", "/"))
        expect(page.get_by_role("button", name="English")).to_be_visible()
        expect(page.get_by_role("button", name="ライト")).to_be_visible()


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_mock_crm_shows_the_leads_of_the_demo_and_the_real_card(browser: Browser, desk: Service, lang: str) -> None:
    with opened(browser, desk, "/", lang=lang) as page:
        chips = {"en": "Warning Review All clear", "ja": "警告 要確認 問題なし"}[lang].split(" ", 2)
        expect(page.locator("#list li")).to_have_count(6)
        expect(page.locator("#list .chip").nth(1)).to_have_text(chips[1])
        page.locator("#open-L-1001").click()
        title = {"en": "Mismatch detected", "ja": "ミスマッチ検知"}[lang]
        expect(page.get_by_role("region", name=title)).to_be_visible()
        expect(page.get_by_label({"en": "Contract", "ja": "契約形態"}[lang])).to_have_value("Month-to-month")
        looked_at(page, "crm", lang)


def test_a_new_lead_is_warned_of_declined_and_found_among_the_decisions(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/") as page:
        page.get_by_role("button", name="New lead").click()
        page.get_by_label("Name").fill("Corner Shop")
        page.get_by_label("Contract").select_option("Two year")
        page.get_by_label("Monthly charges (USD)").fill("120")
        page.get_by_role("button", name="Save the lead").click()
        card = page.locator("gatekeeper-warning")
        expect(card.get_by_role("heading", name="No mismatch detected")).to_be_visible()
        lead = page.locator("#list li").filter(has_text="Corner Shop")
        expect(lead.locator(".chip")).to_have_text("All clear")
        page.get_by_label("Contract").select_option("Month-to-month")
        page.get_by_label("Monthly charges (USD)").fill("180")
        page.get_by_label("Paperless billing").select_option("yes")
        page.get_by_label("Seats").fill("300")
        expect(card.get_by_role("heading", name="Mismatch detected", exact=True)).to_be_visible()
        expect(card.get_by_text("Seats: 300")).to_be_visible()  # the last change has arrived
        expect(lead.locator(".chip")).to_have_text("Warning")
        card.get_by_role("button", name="Decline with respect").click()
        card.get_by_role("textbox").fill("Needs a month, not a partner")
        card.get_by_role("button", name="Decline with respect").click()
        expect(lead.locator(".chip")).to_have_text("Declined")
        page.get_by_role("link", name="See this decision among all others").click()
        newest = page.locator(".list li").first
        expect(newest).to_contain_text("Needs a month, not a partner")
        expect(newest).to_contain_text("rep-1")
        stored = desk.client.get("/v1/decisions?limit=1").json()["decisions"][0]
        assert (stored["choice"], stored["reason"]) == ("declined", "Needs a month, not a partner")
        assert desk.client.get("/v1/decisions?limit=500").json()["decisions"][-1]["id"] <= stored["id"] - DECIDED


def test_the_mock_crm_is_worked_by_keyboard_alone(browser: Browser, desk: Service) -> None:
    with opened(browser, desk, "/") as page:
        expect(page.locator("#list li").first).to_be_visible()
        keyboard = page.keyboard
        page.locator("#open-L-1003").focus()
        keyboard.press("Enter")
        card = page.locator("gatekeeper-warning")
        expect(card.get_by_role("heading", name="No mismatch detected")).to_be_visible()
        expect(page.locator("#open-L-1003")).to_be_focused()
        for _ in range(20):
            keyboard.press("Tab")
            if page.evaluate("document.activeElement.localName") == "gatekeeper-warning":
                break
        expect(card.get_by_role("button", name="Decline with respect")).to_be_focused()
        page.locator("#new").focus()
        keyboard.press("Enter")
        expect(page.get_by_label("Name")).to_be_focused()
        keyboard.type("Typed Ltd")
        keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Typed Ltd")).to_be_focused()
        expect(card.get_by_role("heading", name="Not enough information")).to_be_visible()
