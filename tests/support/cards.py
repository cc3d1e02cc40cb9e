"""A service with known prospects, a CRM beside it, and the card on pages of either in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from playwright.sync_api import Browser, Locator, Page, Route

from models.money import MoneyTerms
from service.answers import Answer
from service.popup.view import card_of
from service.settings import Language
from tests.support.bundles import CONSTANT_MONEY, make_bundle
from tests.support.crm_pages import crm_pages
from tests.support.server import Service, free_port, running

SIGNING = b"k" * 32
PROSPECTS: dict[str, dict[str, Any]] = {
    "warning": {"contract": "Month-to-month", "monthly_charges": 180, "paperless": True, "seats": 300},
    "margin": {"contract": "Month-to-month", "monthly_charges": 11, "paperless": True, "seats": 900},
    "review": {"contract": "Month-to-month", "monthly_charges": 180, "paperless": False, "seats": 150},
    "clear": {"contract": "Two year", "monthly_charges": 120, "paperless": False},
}
"""Every kind of answer, by features of the small bundle under the money below; `unknown` is who is not among them."""

Place = Literal["", "element", "frame"]
"""Our own page, or one of the CRM's with the element or with a sandboxed frame."""


class Opened:
    """A page with the card, what went wrong on it, and the decisions that it has posted."""

    def __init__(self, page: Page, answers: list[int]) -> None:
        self.page = page
        self.card = page.locator("gatekeeper-warning")
        self.wrong: list[str] = []
        self.hosts: set[str] = set()
        self.decisions: list[tuple[dict[str, Any], dict[str, str]]] = []
        self._answers = answers
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.route("**/v1/decisions", self._decide)

    def button(self, name: str) -> Locator:
        return self.card.get_by_role("button", name=name, exact=True)

    def show(self, answer: Answer, lang: Language = "en") -> None:
        """Show an answer that the service would give in circumstances that are hard to bring about."""
        card = msgspec.to_builtins(card_of(answer, lang, str))
        self.card.evaluate("(element, card) => element.show(card)", card)

    @property
    def told(self) -> list[Any]:
        """What the CRM's page has heard."""
        heard: list[Any] = self.page.evaluate("told")
        return heard

    def _decide(self, route: Route) -> None:
        """Let the service take it, once what the test wants to go wrong has; 0 stands for no answer at all."""
        self.decisions.append((route.request.post_data_json or {}, route.request.headers))
        if not self._answers:
            route.continue_()
        elif status := self._answers.pop(0):
            route.fulfill(status=status, json={}, headers={"access-control-allow-origin": "*"})
        else:
            route.abort()


class Stage:
    """Where cards are opened."""

    def __init__(self, browser: Browser, service: Service, crm: str) -> None:
        self.browser = browser
        self.service = service
        self.client = service.client
        self.origin = str(service.client.base_url).rstrip("/")
        self.crm = crm

    def write(self, prospect: str, features: dict[str, Any]) -> None:
        path = f"/v1/prospects/{quote(prospect, safe='')}/features"
        assert self.client.put(path, json=features).status_code == 200

    def token(self, prospect: str, **more: Any) -> str:
        body = {"prospect_id": prospect, "user": "rep-7", **more}
        token: str = self.client.post("/v1/tokens", json=body).json()["token"]
        return token

    def answer(self, prospect: str, lang: Language = "en") -> Answer:
        answer = self.client.post(f"/v1/score?lang={lang}", json={"prospect_id": prospect})
        return msgspec.json.decode(answer.content, type=Answer)

    @contextmanager
    def opened(
        self,
        fragment: str,
        *,
        on: Place = "",
        width: int = 640,
        expected: tuple[str, ...] = (),
        decisions: tuple[int, ...] = (),
        motion: Literal["reduce", "no-preference"] = "no-preference",
    ) -> Iterator[Opened]:
        """The card where `on` says. No console message, error, dialog or foreign host, beside texts in `expected`.

        Args:
            fragment: of the page's URL.
            on: on which page.
            width: of the window, in pixels.
            expected: parts of messages that the test brings about.
            decisions: statuses that the first decisions are answered with, before the service is asked.
            motion: what the user prefers.
        """
        context = self.browser.new_context(viewport={"width": width, "height": 1000}, reduced_motion=motion)
        opened = Opened(context.new_page(), list(decisions))
        opened.page.goto(f"{self.crm}/{on}#{fragment}" if on else f"{self.origin}/popup#{fragment}")
        yield opened
        assert [text for text in opened.wrong if not any(each in text for each in expected)] == []
        assert opened.hosts <= {urlsplit(self.origin).netloc, urlsplit(self.crm).netloc, ""}
        context.close()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Service, str]]:
    """Two workers that know PROSPECTS, and the origin of a CRM that may show their pop-up in frames."""
    money = MoneyTerms(terms={**CONSTANT_MONEY.terms, "closing_cost": 850.0})
    make_bundle(folder / "registry", money=money, tilt=0.05)
    port = free_port()
    with crm_pages(f"http://127.0.0.1:{port}") as crm:
        env = {
            "GATEKEEPER_PORT": port,
            "GATEKEEPER_FRAME_ANCESTORS": crm,
            "GATEKEEPER_STORE_TIMEOUT_MS": "1000",  # a busy machine pauses for longer than the default
            "GATEKEEPER_BREAKER_PROBE_MS": "1000",
            "GATEKEEPER_TOKEN_KEYS": f"tests:{base64.b64encode(SIGNING).decode()}",
        }
        with running(folder, folder / "registry", "dev", "--workers", "2", env=env) as service:
            entries = [{"prospect_id": name, "features": features} for name, features in PROSPECTS.items()]
            assert service.client.post("/v1/features/batch", json={"prospects": entries}).status_code == 200
            yield service, crm
