"""The pages as they are sent: to whom, under which rules, and that they hold nothing themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.routes.pages import PARTS
from tests.support.app import client_of, settings_for
from tests.support.valkey import Valkey

Client = TestClient[Litestar]


@pytest.fixture
def dev(small_registry: Path, valkey: Valkey) -> Iterator[Client]:
    """A client of a service that takes the key `dev`."""
    with client_of(settings_for(small_registry, valkey.url, DEV_KEY="1")) as client:
        yield client


def test_the_mock_crm_is_no_part_of_a_deployment(client: Client, dev: Client) -> None:
    assert client.get("/").status_code == 404
    assert dev.get("/").status_code == 200


def test_a_page_loads_from_its_own_host_alone_and_runs_only_what_was_sent_with_it(dev: Client) -> None:
    for path in ("/", "/decisions"):
        first, second = dev.get(path), dev.get(path)
        policy = first.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        nonce = re.search("script-src 'nonce-([^']{20,})'", policy)
        assert nonce is not None
        assert nonce[1] not in second.text
        tags = re.findall('<(?:script|link rel="stylesheet")[^>]*>', first.text)
        assert tags
        assert all(f'nonce="{nonce[1]}"' in tag for tag in tags)
        assert re.search("<style|<script[^>]*>[^<]", first.text) is None
        assert first.headers["referrer-policy"] == "no-referrer"
        assert first.headers["cache-control"] == "no-store"


def test_everything_that_a_page_loads_is_there_and_nothing_else_is(client: Client, dev: Client) -> None:
    loaded = {name for path in ("/", "/decisions") for name in re.findall('"/pages/([^"]+)"', dev.get(path).text)}
    for name in PARTS:
        part = client.get(f"/pages/{name}")
        assert part.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}
        assert part.headers["x-content-type-options"] == "nosniff"
        loaded |= set(re.findall(r'from "\./([^"]+)"', part.text))
    assert loaded == set(PARTS)
    for name in ("decisions.html", "__init__.py", "..%2Fkeys.py", "%2e%2e%2fkeys.py"):
        assert client.get(f"/pages/{name}").status_code == 404


def test_a_page_needs_no_key_for_it_holds_nothing(client: Client) -> None:
    del client.headers["Authorization"]
    page = client.get("/decisions")
    assert page.status_code == 200
    assert client.get("/v1/decisions").status_code == 401


def test_a_script_makes_no_markup_of_text(client: Client) -> None:
    for name in PARTS:
        assert (
            re.search("innerHTML|outerHTML|insertAdjacent|document.write|eval", client.get(f"/pages/{name}").text)
            is None
        )
