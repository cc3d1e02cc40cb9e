"""Services whose pages a browser opens: one at which a sales team has worked for two months, and a new deployment."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from models.contract import Contract
from models.money import MoneyTerms
from service.keys import new_key
from service.ledger.ledger import FILE
from tests.support.bundles import CONSTANT_MONEY, CONTRACT, make_bundle
from tests.support.cards import PROSPECTS
from tests.support.server import Service, running

LABELS = {
    "contract": {"en": "Contract", "ja": "契約形態"},
    "monthly_charges": {"en": "Monthly charges", "ja": "月額料金"},
    "paperless": {"en": "Paperless billing", "ja": "電子請求書"},
    "seats": {"en": "Seats", "ja": "利用者数"},
}
SAFE = {"contract": "Two year", "monthly_charges": 140, "paperless": False, "seats": 20}
"""Nothing speaks against it: low risk, and worth its price."""

SAMPLES = ("warning", "review", "clear", "margin", "clear", "clear")
"""What L-1001 and those after it are."""

DECIDED = 60
DAYS = 60
HOUR_MS = 3_600_000
DECLINED = (None, "Wants it for a month", "Too small for what they ask", "We told them who fits better")
OVERRODE = ("Signed for two years", "Strategic reference", "The founder asked for it")
HOSTILE = "<img src=x onerror=alert(1)>"
"""The newest decision's reason."""


@contextlib.contextmanager
def at_work(folder: Path) -> Iterator[Service]:
    """`dev` with the leads of the demo, and with what three reps made of others, told as it turned out."""
    registry = _registry(folder)
    env = {
        "GATEKEEPER_STORE_TIMEOUT_MS": "1000",  # a busy machine pauses for longer than the default
        "GATEKEEPER_BREAKER_PROBE_MS": "1000",
        "GATEKEEPER_HOLDOUT_PERCENT": "20",
        "GATEKEEPER_ID_SECRET": "a secret of the tests alone",  # who is held out hangs on it
    }
    with running(folder, registry, "dev", env=env) as service:
        leads = [{"prospect_id": f"L-{1001 + n}", "features": PROSPECTS[kind]} for n, kind in enumerate(SAMPLES)]
        assert service.client.post("/v1/features/batch", json={"prospects": leads}).status_code == 200
        _decide(service)
        yield service


@contextlib.contextmanager
def deployed(folder: Path) -> Iterator[tuple[Service, str, str]]:
    """`serve` with nothing decided yet, a key of scope admin, and one that may only score."""
    (admin, admin_line), (scoring, scoring_line) = new_key("manager", ["admin"]), new_key("crm", ["score"])
    env = {"GATEKEEPER_API_KEYS": f"{admin_line} {scoring_line}"}
    with running(folder, _registry(folder), "serve", env=env) as service:
        yield service, admin, scoring


def _registry(folder: Path) -> Path:
    features = [msgspec.structs.replace(feature, label=LABELS[feature.name]) for feature in CONTRACT.features]
    money = MoneyTerms(terms={**CONSTANT_MONEY.terms, "closing_cost": 850.0})
    make_bundle(folder / "registry", contract=Contract(tuple(features)), money=money, tilt=0.05)
    return folder / "registry"


def _decide(service: Service) -> None:
    """Decide DECIDED times, the oldest first, and say how some of it turned out."""
    chance = random.Random(11)  # noqa: S311 - no secret
    client, now_ms = service.client, int(time.time() * 1000)
    decided: list[dict[str, Any]] = []
    for number in range(DECIDED):
        kind = chance.choice(["warning", "warning", "margin", "review", "clear", "safe", "safe"])
        features = dict(PROSPECTS.get(kind, SAFE))
        features["monthly_charges"] += chance.randrange(9)
        person = f"S-{number}"
        answer = client.post("/v1/score", json={"prospect_id": person, "features": features}).json()
        body = _decision(answer, chance, last=number == DECIDED - 1)
        assert client.post("/v1/decisions", json=body, headers={"Idempotency-Key": person}).status_code == 201
        decided.append(answer)
    with contextlib.closing(sqlite3.connect(service.data / FILE, timeout=10)) as ledger, ledger:
        for number, answer in enumerate(decided, start=1):
            at_ms = now_ms - (DECIDED - number) * DAYS * 24 * HOUR_MS // DECIDED - HOUR_MS
            ledger.execute("UPDATE decisions SET decided_ms = ? WHERE decision_id = ?", (at_ms, answer["decision_id"]))
            scored = (at_ms - 60_000, answer["decision_id"])
            ledger.execute("UPDATE assessments SET scored_ms = ? WHERE decision_id = ?", scored)
    at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()
    for answer in decided[: DECIDED * 2 // 3]:
        score = answer["risk"]["score"]
        became = chance.choices(("churned", "stayed", "won", None), (3 * score, 4 - 3 * score, 0.3, 0.7))[0]
        if became is not None:
            outcome = {"prospect_id": answer["prospect_id"], "outcome": became, "at": at}
            assert client.post("/v1/outcomes", json=outcome).status_code == 201


def _decision(answer: dict[str, Any], chance: random.Random, *, last: bool) -> dict[str, Any]:
    """What a rep does about an answer; the last one is declined for a reason that is no mark-up."""
    body = {"decision_id": answer["decision_id"], "user": chance.choice(["rep-1", "rep-2", "rep-2", "rep-3"])}
    if last:
        return {**body, "choice": "declined", "reason": HOSTILE}
    weights = {"do_not_chase": (7, 3, 1), "review": (4, 3, 3), "proceed": (1, 6, 1)}[answer["action"]]
    choice = chance.choices(("declined", "proceeded", "review"), weights)[0]
    if choice == "declined":
        return {**body, "choice": choice, "reason": chance.choice(DECLINED)}
    overrides = choice == "proceeded" and answer["action"] == "do_not_chase"
    return {**body, "choice": choice, **({"reason": chance.choice(OVERRODE)} if overrides else {})}
