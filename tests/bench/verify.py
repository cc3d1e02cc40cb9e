"""`python -m tests.bench.verify`: what proving one webhook costs, by the size of its body."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from hubspot.utils.signature import Signature
from standardwebhooks import Webhook

from service.crm import hubspot, standard
from service.crm.account import Account
from service.crm.interface import Delivery
from tests.support.tables import Row, report

SIZES_KB = (0, 1, 10, 100)
ONE_US, KB_US = 30.0, 7.0
"""The bar: so much each, and so much for each KB of the body."""

ROUNDS, REPEATS = 20, 50
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
URL = "https://gatekeeper.example.com/v1/webhooks/hubspot"


def main() -> int:
    """Measure, print the table; 1 when the bar is missed."""
    rows: list[Row] = []
    for name, deliver in (("hubspot", _hubspot), ("standard", _standard)):
        for size_kb in SIZES_KB:
            us = _median_us(deliver(b"x" * (size_kb * 1024)))
            rows.append({"name": name, "body_kb": size_kb, "us_each": us, "bar_us": ONE_US + KB_US * size_kb})
    report("verify", "Proving one webhook, two secrets of which the second is right; us each", rows)
    return 0 if all(float(row["us_each"]) <= float(row["bar_us"]) for row in rows) else 1


def _hubspot(body: bytes) -> Callable[[], None]:
    account = Account(crm="hubspot", secrets=("n" * 36, "o" * 36), public_url=URL)
    sent = str(int(NOW.timestamp() * 1000))
    signature = Signature.get_signature("o" * 36, body.decode(), "v3", URL, "POST", sent)
    headers = {b"x-hubspot-signature-v3": signature.encode(), b"x-hubspot-request-timestamp": sent.encode()}
    delivery = Delivery("POST", "/v1/webhooks/hubspot", headers, body, "")
    return lambda: hubspot.verify(delivery, account, NOW)


def _standard(body: bytes) -> Callable[[], None]:
    new, old = ("whsec_" + base64.b64encode(each * 32).decode() for each in (b"n", b"o"))
    headers = {
        b"webhook-id": b"msg_1",
        b"webhook-timestamp": str(int(NOW.timestamp())).encode(),
        b"webhook-signature": Webhook(old).sign("msg_1", NOW, body.decode()).encode(),
    }
    delivery = Delivery("POST", "/v1/webhooks/standard", headers, body, "")
    account = Account(crm="standard", secrets=(new, old))
    return lambda: standard.verify(delivery, account, NOW)


def _median_us(call: Callable[[], None]) -> float:
    """The median time of a call in the quietest of ROUNDS, as others may use the machine too."""
    medians = []
    for _ in range(ROUNDS):
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter_ns()
            call()
            times.append(time.perf_counter_ns() - started)
        medians.append(median(times))
    return min(medians) / 1000


if __name__ == "__main__":
    sys.exit(main())
