"""Logs and metrics hold nothing personal, whichever route is asked, well or badly, at the log level that tells most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.openapi import OPERATIONS
from tests.support.server import Service, running
from tests.support.waiting import eventually

PERSON, RECORD, SOURCE, CATEGORY = "taro-yamada-4711", "record-00Q815", "by-letter-of-hanako", "secret-contract"
CHARGES, SEATS = 48151.623, 42108.616
MARKS = (PERSON, RECORD, SOURCE, CATEGORY, str(CHARGES), str(SEATS))

FEATURES_PATH = "/v1/prospects/{prospect_id}/features"
FEATURES: dict[str, Any] = {"contract": CATEGORY, "monthly_charges": CHARGES, "seats": SEATS}
KNOWN = {"prospect_id": PERSON, "features": FEATURES}
WRONG: dict[str, Any] = {"contract": CHARGES, "monthly_charges": CATEGORY, "seats": PERSON}
BODIES: tuple[Any, ...] = (
    FEATURES,
    KNOWN,
    {**KNOWN, "value": {"discount": PERSON}},
    {"prospects": [KNOWN, {"prospect_id": PERSON, "features": WRONG}, {PERSON: CATEGORY}]},
    {"granted": True, "source": SOURCE},
    {"granted": False, "source": SOURCE},
    {"granted": SOURCE, "at": RECORD},
    WRONG,
    [PERSON, RECORD],
)
"""Right for one route or another, and wrong for the rest."""


def test_no_route_leaves_a_mark_in_the_log_or_in_the_metrics(tmp_path: Path, small_registry: Path) -> None:
    with running(tmp_path, small_registry, "dev", env={"GATEKEEPER_LOG_LEVEL": "debug"}) as service:
        routes = [(row.method, row.path) for row in OPERATIONS]
        routes += [("delete", FEATURES_PATH), *routes]  # again, of who was erased, and came back and said no
        routes += [("get", f"/v1/{PERSON}"), ("put", "/v1/score"), ("post", f"/{RECORD}?of={PERSON}")]
        statuses = {status for method, path in routes for status in drive(service, method, path)}
        assert {200, 204, 400, 404, 405, 410, 415} <= statuses
        assert not [status for status in statuses if status >= 500]
        told = service.client.get("/metrics").text
        assert service.stop() == 0
    assert 'route="/v1/prospects/{prospect_id}/export"' in told.replace(":str}", "}")
    assert [mark for mark in MARKS if mark in told] == []
    assert [mark for mark in MARKS if mark in service.log] == []


def drive(service: Service, method: str, path: str) -> list[int]:
    """Ask a route about the marked person with every body, whole, cut off and declared as something else."""
    url = path.replace("{prospect_id}", PERSON)
    before = len(service.events("request"))
    statuses = []
    for body in BODIES:
        text = json.dumps(body)
        for content, kind in ((text, "application/json"), (text[:-3], "application/json"), (text, f"text/{RECORD}")):
            headers = {"Content-Type": kind, "X-Whatever": PERSON, "User-Agent": SOURCE}
            query = {"of": PERSON, "lang": "ja"} if content == text else {"lang": RECORD}
            asked: dict[str, Any] = {"content": content, "headers": headers, "params": query}
            with service.client.stream(method.upper(), url, **asked) as answer:
                next(answer.iter_bytes(), b"")  # live assessments have no end
            statuses.append(answer.status_code)
    eventually(lambda: len(service.events("request")) >= before + len(statuses))
    return statuses
