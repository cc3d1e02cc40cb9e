"""HubSpot as it speaks to us: an account on disk, signed requests, and the background process in a thread."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from service.background import Connections, duties, opened
from service.settings import Settings
from tests.support.crm.hubspot import TOKEN

SECRET = "the-secret-of-an-app-of-the-tests"  # noqa: S105
PORTAL = 62515
PUBLIC_URL = "http://localhost/v1/webhooks/hubspot"
FEATURES = {"monthly_charges": "monthly_fee", "contract": "contract_type", "seats": "seats"}
WRITE_BACK = {
    name: f"gatekeeper_{name}"
    for name in ("risk_percent", "band", "ltv_minus", "action", "pltv", "reasons", "model_version", "scored_at")
}


def write_account(folder: Path, api_url: str | None, *, token: str = TOKEN, language: str = "en") -> Path:
    """An account with HubSpot in `folder`, as GATEKEEPER_CRM_DIR names it; without `api_url` nothing goes back."""
    folder.mkdir(exist_ok=True)
    for name, text in (("hubspot.secrets", SECRET), ("hubspot.token", token)):
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o600)
    account = {
        "secrets_file": "hubspot.secrets",
        "token_file": "hubspot.token",
        "ids": [str(PORTAL)],
        "public_url": PUBLIC_URL,
        "language": language,
        **({"api_url": api_url} if api_url else {}),
    }
    tables: dict[str, Any] = {"account": account, "features": FEATURES, "write_back": WRITE_BACK if api_url else {}}
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()))
    ]
    (folder / "hubspot.toml").write_text("\n".join(lines), "utf-8")
    return folder


def change(record: int, name: str | None = None, value: str | None = None, *, at_ms: int, event: int = 1) -> Any:
    """One event: a property's change, or without `name` that the contact was created."""
    happened: dict[str, Any] = {
        "eventId": event,
        "subscriptionId": 8,
        "portalId": PORTAL,
        "appId": 54321,
        "occurredAt": at_ms,
        "subscriptionType": "contact.propertyChange" if name else "contact.creation",
        "attemptNumber": 0,
        "objectId": record,
        "changeSource": "CRM_UI",
    }
    return happened if name is None else {**happened, "propertyName": name, "propertyValue": value}


def signed(changes: Sequence[Any], *, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request that HubSpot sends now."""
    body, now = json.dumps(changes, ensure_ascii=False).encode(), str(time.time_ns() // 1_000_000)
    content = b"POST" + PUBLIC_URL.encode() + body + now.encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
    return body, {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": now}


@contextlib.contextmanager
def working(settings: Settings) -> Iterator[None]:
    """The background process of these settings, in a thread."""
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun, failed = threading.Event(), []

    async def work() -> None:
        stop = asyncio.Event()
        async with opened(settings) as resources, Connections(resources) as connections:
            loops.append((asyncio.get_running_loop(), stop))
            begun.set()
            await asyncio.gather(*duties(resources, connections, stop))

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            begun.set()

    thread = threading.Thread(target=run, name="background")
    thread.start()
    try:
        begun.wait(20)
        yield
    finally:
        for loop, stop in loops:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        thread.join(20)
    assert not failed, failed
