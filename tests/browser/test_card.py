"""What a rep sees of the card: every state in two languages, two themes and three widths, and what is read aloud."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from service.answers import Answer
from service.settings import LANGUAGES, Language
from tests.support.cards import PROSPECTS, Opened, Stage

SCREENS = Path(__file__).parents[2] / "build" / "screens"
WIDTHS = (320, 480, 1280)
TITLES = {
    "warning": "Mismatch detected",
    "margin": "Expected to lose money",
    "review": "Mismatch detected",
    "clear": "No mismatch detected",
    "unknown": "Not enough information",
}
HOSTILE = "<img src=x onerror=alert(1)>"


def degraded(answer: Answer) -> Answer:
    """The answer that the service gives while its store is away, to a request that sent features."""
    changes = {"degraded": True, "degraded_because": "store_unavailable", "action": "review", "features_as_of": None}
    return msgspec.structs.replace(answer, capped=True, **changes)


def looked_at(opened: Opened, name: str, lang: Language) -> None:
    """Take pictures in both themes and all widths, see that nothing leaves the window, and ask axe.

    Axe is asked about the light card in English and the dark one in Japanese: the language changes no colour.
    """
    SCREENS.mkdir(parents=True, exist_ok=True)
    page = opened.page
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 1000})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert beyond(page, width) == []
            page.screenshot(path=SCREENS / f"{name}-{lang}-{theme}-{width}.png", full_page=True)
        if (lang, theme) in (("en", "light"), ("ja", "dark")):
            result = Axe().run(page)
            assert result.response["violations"] == [], result.generate_report()


def beyond(page: Page, width: int) -> list[str]:
    """What lies outside of the window, or is wider than what holds it."""
    found: list[str] = page.evaluate(
        """width => [...document.querySelector('gatekeeper-warning').shadowRoot.querySelectorAll('section *')]
               .filter(each => each.getBoundingClientRect().right > width || each.scrollWidth > each.clientWidth + 1
                               && each.clientWidth > 0)
               .map(each => each.outerHTML.slice(0, 200))""",
        width,
    )
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("prospect", [*PROSPECTS, "unknown"])
def test_every_answer_has_a_card_that_fits_and_that_everybody_can_use(
    stage: Stage, prospect: str, lang: Language
) -> None:
    with stage.opened(f"token={stage.token(prospect)}&lang={lang}", motion="reduce") as opened:
        heading = opened.card.get_by_role("heading", level=2)
        expect(heading).to_have_text(stage.answer(prospect, lang).title)
        if lang == "en":
            expect(heading).to_have_text(TITLES[prospect])
        looked_at(opened, prospect, lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_states_that_are_rare_have_a_card_too(stage: Stage, lang: Language) -> None:
    with stage.opened(f"lang={lang}", motion="reduce") as opened:
        looked_at(opened, "loading", lang)
        opened.show(degraded(stage.answer("warning", lang)), lang)
        looked_at(opened, "degraded", lang)
    stage.client.put("/v1/prospects/refusing/consent", json={"granted": False})
    with stage.opened(f"token={stage.token('refusing')}&lang={lang}", motion="reduce") as opened:
        title = {"en": "Not scored: no consent", "ja": "判定なし：同意がありません"}[lang]  # noqa: RUF001
        expect(opened.card.get_by_role("heading", name=title)).to_be_visible()
        expect(opened.card.get_by_role("button")).to_have_count(0)
        looked_at(opened, "not-scored", lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_warning_asks_for_a_reason_and_then_says_what_was_decided(stage: Stage, lang: Language) -> None:
    with stage.opened(f"token={stage.token('warning')}&lang={lang}", motion="reduce") as opened:
        opened.card.locator("[data-is=proceeded]").click()
        opened.card.locator("[data-is=send]").click()
        expect(opened.card.get_by_role("alert")).to_be_visible()
        looked_at(opened, "reason", lang)
        opened.card.get_by_role("textbox").fill("Signed for three years")
        opened.card.locator("[data-is=send]").click()
        expect(opened.card.locator("[data-is=done]")).to_be_focused()
        looked_at(opened, "decided", lang)


def test_the_card_says_to_the_letter_what_it_is_about(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}") as opened:
        card = opened.card
        expect(card.get_by_text("Risk Score: High (85%)", exact=True)).to_be_visible()
        expect(card.get_by_text("Risk of leaving within 12 months · 80% interval: ")).to_be_visible()
        expect(card.get_by_text("LTV-minus", exact=True)).to_be_visible()
        expect(card.get_by_text(re.compile(r"^\d+% chance that it never pays back$"))).to_be_visible()
        rows = card.get_by_role("listitem").all_inner_texts()
        base, *steps, total = [int(row.split("\n")[-1].rstrip("%").replace("\N{MINUS SIGN}", "-")) for row in rows]
        assert base + sum(steps) == total == 85


def test_a_negative_margin_is_said_where_it_is_the_cause(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('margin')}") as opened:
        expect(opened.card.get_by_text("On these terms, its margin is negative")).to_be_visible()
        expect(opened.card.get_by_text("never pays back")).to_have_count(0)


def test_a_screen_reader_is_told_what_the_eye_sees(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}") as opened:
        region = opened.card.get_by_role("region", name="Mismatch detected")
        expect(region).to_match_aria_snapshot("""
          - heading "Mismatch detected" [level=2]
          - paragraph: "Risk Score: High (85%)"
          - heading "Why, in points that add up" [level=3]
          - list:
            - listitem: Average customer 25%
            - listitem: "/Contract: Month-to-month [+]../"
          - group "Your decision":
            - button "Decline with respect"
            - button "Ask for review"
            - button "Proceed anyway"
        """)
        live = opened.card.get_by_role("status")
        expect(live).to_have_attribute("aria-live", "assertive")
        expect(live).to_contain_text("Mismatch detected. Risk Score: High (85%). Based on")


def test_the_theme_may_be_set_and_motion_is_left_out_where_it_is_not_wanted(stage: Stage) -> None:
    colour = "element => getComputedStyle(element.shadowRoot.querySelector('section')).backgroundColor"
    moving = "element => getComputedStyle(element.shadowRoot.querySelector('section')).animationName"
    with stage.opened(f"token={stage.token('clear')}&theme=dark", motion="reduce") as opened:
        expect(opened.card.get_by_role("heading", level=2)).to_be_visible()
        assert opened.card.evaluate(colour) == "rgb(27, 28, 31)"
        assert opened.card.evaluate(moving) == "none"
    with stage.opened(f"token={stage.token('clear')}") as opened:
        expect(opened.card.get_by_role("heading", level=2)).to_be_visible()
        assert opened.card.evaluate(colour) == "rgb(255, 255, 255)"
        assert opened.card.evaluate(moving) == "in"


def test_names_that_mean_harm_are_text(stage: Stage) -> None:
    prospect = f"a/b?{HOSTILE}"
    stage.write(prospect, PROSPECTS["warning"])
    with stage.opened(f"token={stage.token(prospect)}") as opened:
        expect(opened.card.get_by_role("heading", level=2)).to_have_text("Mismatch detected")
        answer = stage.answer(prospect)
        reasons = [msgspec.structs.replace(each, label=HOSTILE, value=HOSTILE) for each in answer.reasons]
        changes = {"title": HOSTILE, "message": HOSTILE, "missing": [HOSTILE], "reasons": reasons}
        opened.show(msgspec.structs.replace(answer, **changes))
        expect(opened.card.get_by_role("heading", level=2)).to_have_text(HOSTILE)
        expect(opened.card.get_by_text(f"{HOSTILE}: {HOSTILE}")).to_have_count(3)
        assert opened.card.evaluate("element => element.shadowRoot.querySelectorAll('img, script').length") == 0


def test_every_button_is_large_enough_to_hit(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}", width=320) as opened:
        expect(opened.card.get_by_role("button")).to_have_count(3)
        for button in opened.card.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 40
