"""From a webhook to the write-back that a CRM receives, at 100 events a second; and a request of 100 events.

`python -m tests.bench.webhook`: `dev` as it ships, and a CRM that answers at once; written to build/webhook.json.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import httpx

from tests.support.bundles import make_bundle
from tests.support.crm.hubspot import HubSpot
from tests.support.crm.standin import Answer, Request
from tests.support.server import running
from tests.support.tables import Row, report
from tests.support.waiting import eventually
from tests.support.webhooks import WRITE_BACK, change, signed, write_account

EVENTS, PER_S = 2000, 100
WARM_UP = 200
"""Events before those that count: processes that have just started fill their caches."""

TOGETHER, ROUNDS = 100, 20
MEDIAN_MS, P99_MS, REQUEST_MS = 50.0, 250.0, 100.0
"""The bars, at most."""

PATH = "/v1/webhooks/hubspot"


class Timed(HubSpot):
    """A portal that notes when a record is first written into."""

    def __init__(self) -> None:
        super().__init__()
        self.written_at: dict[str, float] = {}

    def answer(self, request: Request) -> Answer:
        if request.method == "PATCH":
            self.written_at.setdefault(request.path.rpartition("/")[2], time.perf_counter())
        return super().answer(request)


def main() -> int:
    """Measure and print; the exit code: 1 where a bar is not met."""
    with tempfile.TemporaryDirectory() as name, Timed() as portal:
        folder = Path(name)
        make_bundle(folder / "registry")
        crm = str(write_account(folder / "crm", portal.url))
        for record in range(EVENTS + TOGETHER):
            portal.contact(record, **dict.fromkeys(WRITE_BACK.values(), ""))
        with running(folder, folder / "registry", "dev", env={"GATEKEEPER_CRM_DIR": crm}) as service:
            eventually(lambda: service.events("working"), 30)
            _know(service.client, EVENTS + TOGETHER)
            sent_at = asyncio.run(_send(str(service.client.base_url)))
            eventually(lambda: len(portal.written_at) >= EVENTS, 30)
            ms = [1000 * (portal.written_at[record] - at) for record, at in sent_at.items()][WARM_UP:]
            together = [_request_ms(service.client, n) for n in range(ROUNDS)]
    cut = quantiles(ms, n=100)
    rows: list[Row] = [
        {"name": "event to write-back, median, ms", "measured": median(ms), "at_most": MEDIAN_MS},
        {"name": "event to write-back, p99, ms", "measured": cut[98], "at_most": P99_MS},
        {"name": f"request of {TOGETHER} events, median, ms", "measured": median(together), "at_most": REQUEST_MS},
    ]
    report("webhook", f"{EVENTS} events at {PER_S} a second, and {ROUNDS} requests of {TOGETHER}", rows)
    return 0 if all(float(row["measured"]) <= float(row["at_most"]) for row in rows) else 1


def _know(client: httpx.Client, records: int) -> None:
    """Have all contacts known, so that none is fetched first."""
    features = {"monthly_charges": 70.5, "contract": "One year", "seats": 1}
    for start in range(0, records, 50):
        entries = [{"prospect_id": str(n), "features": features} for n in range(start, min(start + 50, records))]
        eventually(lambda some=entries: client.post("/v1/features/batch", json={"prospects": some}).is_success)  # type: ignore[misc]


async def _send(url: str) -> dict[str, float]:
    """Send one event of each contact, at random moments as many people make them; when each was sent."""
    draw = random.Random(0)  # noqa: S311
    sent_at: dict[str, float] = {}

    async def send(client: httpx.AsyncClient, record: int) -> None:
        body, headers = signed([change(record, "seats", str(record % 400 + 2), at_ms=_now_ms())])
        sent_at[str(record)] = time.perf_counter()
        while not (await client.post(PATH, content=body, headers=headers)).is_success:  # noqa: ASYNC110 - it asks
            await asyncio.sleep(0.1)  # a CRM sends again too, though later

    async with httpx.AsyncClient(base_url=url, timeout=10) as client, asyncio.TaskGroup() as sending:
        began, due_s = time.perf_counter(), 0.0
        for record in range(EVENTS):
            due_s += draw.expovariate(PER_S)
            await asyncio.sleep(max(0.0, began + due_s - time.perf_counter()))
            sending.create_task(send(client, record))
    return sent_at


def _request_ms(client: httpx.Client, round_: int) -> float:
    records = range(EVENTS, EVENTS + TOGETHER)
    body, headers = signed([change(n, "seats", str(round_ + 2), at_ms=_now_ms(), event=n) for n in records])
    started = time.perf_counter()
    eventually(lambda: client.post(PATH, content=body, headers=headers).is_success)
    return 1000 * (time.perf_counter() - started)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
