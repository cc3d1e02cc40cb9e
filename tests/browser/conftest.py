"""A real browser, Debian's chromium, that is not allowed to reach anything but what a test opens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.cards import Stage, serving
from tests.support.server import Service

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is; without one a developer is told, and CI fails."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        how = "tests/browser needs chromium: install Debian's package of that name (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(how)
        pytest.skip(how)
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests; each opens pages in a context of its own."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def card_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A running service and a CRM's origin, for the tests of the card."""
    with serving(tmp_path_factory.mktemp("card")) as started:
        yield started


@pytest.fixture
def stage(browser: Browser, card_service: tuple[Service, str]) -> Stage:
    """Where cards are opened."""
    return Stage(browser, *card_service)
