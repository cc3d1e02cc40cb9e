"""The card at work: it appears by itself, takes one decision, and lives in a frame that may do nothing but run it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, expect

from service.popup.tokens import LIFE_S, PopupTokens
from tests.support.cards import PROSPECTS, SIGNING, Opened, Stage

WARNING = "Mismatch detected"
CLEAR = "No mismatch detected"
REFUSED = ("401 (Unauthorized)", "409 (Conflict)", "503 (Service Unavailable)", "ERR_FAILED")
"""What the browser itself notes of answers that a test asks for."""


def heading(opened: Opened) -> Any:
    return expect(opened.card.get_by_role("heading", level=2))


def test_a_warning_appears_by_itself_on_the_cards_of_two_reps_within_a_second(stage: Stage) -> None:
    stage.write("L-7", PROSPECTS["clear"])
    with stage.opened(f"token={stage.token('L-7')}") as one, stage.opened(f"token={stage.token('L-7')}") as other:
        for card in (one, other):
            heading(card).to_have_text(CLEAR)
        stage.write("L-7", PROSPECTS["warning"])
        started = time.monotonic()
        for card in (one, other):
            heading(card).to_have_text(WARNING, timeout=1000)
        assert time.monotonic() - started < 1


def test_what_comes_in_while_a_rep_decides_waits_until_they_are_done(stage: Stage) -> None:
    stage.write("L-8", PROSPECTS["warning"])
    with stage.opened(f"token={stage.token('L-8')}") as opened:
        heard = stage.opened(f"token={stage.token('L-8')}")
        opened.button("Decline with respect").click()
        opened.card.get_by_role("textbox").fill("They want it for a month")
        with heard as other:
            heading(other).to_have_text(WARNING)
            stage.write("L-8", PROSPECTS["clear"])
            heading(other).to_have_text(CLEAR)
        heading(opened).to_have_text(WARNING)
        expect(opened.card.get_by_role("textbox")).to_have_value("They want it for a month")
        opened.button("Cancel").click()
        heading(opened).to_have_text(CLEAR)


def test_a_click_is_not_lost_to_a_card_that_comes_while_the_button_is_down(stage: Stage) -> None:
    stage.write("L-9", PROSPECTS["warning"])
    with stage.opened(f"token={stage.token('L-9')}") as opened, stage.opened(f"token={stage.token('L-9')}") as other:
        opened.button("Decline with respect").hover()
        opened.page.mouse.down()
        stage.write("L-9", PROSPECTS["clear"])
        heading(other).to_have_text(CLEAR)
        heading(opened).to_have_text(WARNING)
        opened.page.mouse.up()
        expect(opened.card.get_by_role("textbox")).to_be_visible()
        opened.button("Cancel").click()
        heading(opened).to_have_text(CLEAR)


def test_a_card_that_comes_while_a_button_is_down_is_shown_once_it_is_let_go_of(stage: Stage) -> None:
    stage.write("L-10", PROSPECTS["warning"])
    with stage.opened(f"token={stage.token('L-10')}") as opened, stage.opened(f"token={stage.token('L-10')}") as other:
        opened.button("Decline with respect").hover()
        opened.page.mouse.down()
        stage.write("L-10", PROSPECTS["clear"])
        heading(other).to_have_text(CLEAR)
        opened.page.mouse.move(0, 0)
        opened.page.mouse.up()
        heading(opened).to_have_text(CLEAR)


def test_a_rep_overrides_a_warning_with_a_reason_by_keyboard_alone(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}", on="element") as opened:
        heading(opened).to_have_text(WARNING)
        keyboard = opened.page.keyboard
        keyboard.press("Tab")
        expect(opened.button("Decline with respect")).to_be_focused()
        keyboard.press("Enter")
        expect(opened.card.get_by_role("textbox", name="Reason (optional)")).to_be_focused()
        keyboard.press("Escape")
        expect(opened.button("Decline with respect")).to_be_focused()
        keyboard.press("Tab")
        keyboard.press("Tab")
        expect(opened.button("Proceed anyway")).to_be_focused()
        keyboard.press("Space")
        reason = opened.card.get_by_role("textbox", name="Why go ahead against this warning?")
        expect(reason).to_be_focused()
        keyboard.press("Tab")
        keyboard.press("Enter")
        expect(opened.card.get_by_role("alert")).to_have_text("Please give a reason.")
        expect(reason).to_be_focused()
        expect(reason).to_have_attribute("aria-invalid", "true")
        assert opened.decisions == []
        keyboard.type("Signed for three years")
        keyboard.press("Tab")
        keyboard.press("Enter")
        expect(opened.card.get_by_text("✓ Going ahead")).to_be_focused()
        expect(opened.card.get_by_role("button")).to_have_count(0)
        [(body, headers)] = opened.decisions
        assert body["decision_id"]
        assert {**body, "decision_id": ""} == {
            "decision_id": "",
            "choice": "proceeded",
            "user": "rep-7",
            "reason": "Signed for three years",
        }
        assert headers["authorization"].startswith("Bearer ey")
        assert headers["idempotency-key"]
        assert opened.told[-1] == ["decision", {"choice": "proceeded", "decision_id": body["decision_id"]}]


@pytest.mark.parametrize(
    ("prospect", "button", "choice"),
    [
        ("review", "Ask for review", "review"),
        ("clear", "Proceed", "proceeded"),
        ("unknown", "Ask for review", "review"),
    ],
)
def test_what_goes_against_nothing_takes_one_click(stage: Stage, prospect: str, button: str, choice: str) -> None:
    with stage.opened(f"token={stage.token(prospect)}") as opened:
        opened.button(button).click()
        expect(opened.card.locator("[data-is=done]")).to_be_focused()
        assert [body["choice"] for body, _ in opened.decisions] == [choice]
        assert "reason" not in opened.decisions[0][0]


def test_an_honest_no_needs_no_reason(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}") as opened:
        opened.button("Decline with respect").click()
        expect(opened.card.get_by_text("An honest no, said early, spares both sides.")).to_be_visible()
        opened.button("Decline with respect").click()
        expect(opened.card.get_by_text("✓ Declined with respect")).to_be_focused()
        assert opened.decisions[0][0]["choice"] == "declined"


def test_a_decision_is_sent_until_it_is_answered_and_always_under_the_same_key(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('clear')}", decisions=(503, 0), expected=REFUSED) as opened:
        opened.button("Proceed").click()
        expect(opened.card.locator("[data-is=done]")).to_be_focused()
        assert len(opened.decisions) == 3
        assert len({(headers["idempotency-key"], body["decision_id"]) for body, headers in opened.decisions}) == 1


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ((409,), "This card was used for another decision already."),
        ((503, 503, 503, 503), "This could not be saved. Please try again."),
    ],
)
def test_a_decision_that_is_not_taken_is_said_and_may_be_tried_again(
    stage: Stage, statuses: tuple[int, ...], said: str
) -> None:
    with stage.opened(f"token={stage.token('clear')}", decisions=statuses, expected=REFUSED) as opened:
        opened.button("Proceed").click()
        expect(opened.card.get_by_role("alert")).to_have_text(said, timeout=10_000)
        opened.button("Proceed").click()
        expect(opened.card.locator("[data-is=done]")).to_be_focused()


def test_who_may_only_read_has_no_buttons(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning', actions=['read'])}") as opened:
        heading(opened).to_have_text(WARNING)
        expect(opened.card.get_by_role("button")).to_have_count(0)


def test_a_card_outlives_its_token_without_buttons_and_the_page_around_may_give_it_another(stage: Stage) -> None:
    tokens = PopupTokens("default", (("tests", SIGNING),))
    short, _ = tokens.issue("warning", "rep-7", ("read", "decide"), time.time() - LIFE_S + 3)
    with stage.opened(f"token={short}", on="element", expected=REFUSED) as opened:
        heading(opened).to_have_text(WARNING)
        expired = opened.card.get_by_text("This card has expired. Open the prospect again to decide.", exact=True).first
        expect(expired).to_be_visible(timeout=10_000)
        expect(opened.card.get_by_role("button")).to_have_count(0)
        heading(opened).to_have_text(WARNING)
        assert opened.told[-1] == ["expired", {}]
        opened.card.evaluate("(card, token) => { card.token = token }", stage.token("warning"))
        expect(opened.card.get_by_role("button")).to_have_count(3)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_a_token_that_is_none_shows_nothing_of_anybody(stage: Stage, token: str) -> None:
    token = token or stage.token("warning")[:-4] + "AAAA"
    with stage.opened(f"token={token}", expected=REFUSED) as opened:
        expect(opened.card.get_by_text("This card cannot be shown.", exact=True).first).to_be_visible()
        assert opened.decisions == []


def framed(opened: Opened) -> FrameLocator:
    return opened.page.frame_locator("iframe")


def test_a_frame_that_may_only_run_scripts_shows_and_decides(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('warning')}&lang=ja", on="frame") as opened:
        card = framed(opened).locator("gatekeeper-warning")
        expect(card.get_by_role("heading", level=2)).to_have_text("ミスマッチ検知")
        card.get_by_role("button", name="確認を依頼する").click()
        expect(card.locator("[data-is=done]")).to_be_visible()
        assert [headers["origin"] for _, headers in opened.decisions] == ["null"]
        assert opened.page.context.cookies() == []
        told = opened.told
        kinds = {kind for kind, _ in told}
        assert kinds == {"gatekeeper-ready", "gatekeeper-height", "gatekeeper-assessment", "gatekeeper-decision"}
        assert {origin for _, origin in told} == {"null"}


def test_a_frame_takes_its_token_from_the_page_around(stage: Stage) -> None:
    with stage.opened("", on="frame") as opened:
        expect(framed(opened).get_by_text("Looking at this prospect…", exact=True).first).to_be_visible()
        token = {"type": "gatekeeper-token", "token": stage.token("clear")}
        opened.page.evaluate("token => document.querySelector('iframe').contentWindow.postMessage(token, '*')", token)
        expect(framed(opened).get_by_role("heading", level=2)).to_have_text(CLEAR)


def test_a_page_that_is_not_on_the_list_may_not_frame_it(stage: Stage) -> None:
    elsewhere = Stage(stage.browser, stage.service, stage.crm.replace("127.0.0.1", "localhost"))
    with elsewhere.opened(f"token={stage.token('warning')}", on="frame", expected=("frame-ancestors",)) as opened:
        opened.page.wait_for_load_state("networkidle")
        assert any("frame-ancestors" in text for text in opened.wrong)
        expect(framed(opened).locator("gatekeeper-warning")).to_have_count(0)
        assert opened.told == []


def test_the_token_does_not_stay_in_the_address_bar(stage: Stage) -> None:
    with stage.opened(f"token={stage.token('clear')}") as opened:
        heading(opened).to_have_text(CLEAR)
        assert opened.page.url == f"{stage.origin}/popup"
