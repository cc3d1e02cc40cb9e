"""The background process: beside `dev`, or on its own; it finishes what it has begun, and comes back when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crm.hubspot import HubSpot
from tests.support.server import Service, running
from tests.support.waiting import eventually
from tests.support.webhooks import WRITE_BACK, change, signed, write_account


@pytest.fixture
def portal() -> Iterator[HubSpot]:
    with HubSpot() as portal:
        portal.contact(7, monthly_fee="70.5", contract_type="One year", seats="3")
        portal.contact(7, **dict.fromkeys(WRITE_BACK.values(), ""))
        yield portal


def post(service: Service, *, at_ms: int) -> None:
    body, headers = signed([change(7, "seats", "4", at_ms=at_ms)])
    answer = service.client.post("/v1/webhooks/hubspot", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def pids(service: Service) -> list[int]:
    return [entry["pid"] for entry in service.events("working")]


def test_dev_writes_back_by_itself_and_goes_on_when_that_process_is_killed(
    small_registry: Path, tmp_path: Path, portal: HubSpot
) -> None:
    environ = {"GATEKEEPER_CRM_DIR": str(write_account(tmp_path / "crm", portal.url))}
    with running(tmp_path, small_registry, "dev", env=environ) as service:
        post(service, at_ms=2_000_000_000_000)
        eventually(lambda: portal.writes, 30)
        [first] = pids(service)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: len(pids(service)) == 2, 30)
        post(service, at_ms=2_000_000_000_001)
        eventually(lambda: len(portal.writes) == 2, 30)
        assert service.stop() == 0
        assert not Path(f"/proc/{pids(service)[1]}").exists()


def test_a_worker_on_its_own_shares_the_embedded_store_and_ends_when_it_is_told_to(
    small_registry: Path, tmp_path: Path, portal: HubSpot
) -> None:
    crm = {"GATEKEEPER_CRM_DIR": str(write_account(tmp_path / "crm", portal.url))}
    keys = {"GATEKEEPER_API_KEYS": f"tests:admin:{'0' * 64}"}
    with running(tmp_path, small_registry, "serve", env={**crm, **keys}) as service:
        environ = {"GATEKEEPER_DATA": str(service.data), "GATEKEEPER_REGISTRY": str(small_registry), **crm}
        worker = subprocess.Popen([sys.executable, "-m", "service", "worker"], env=os.environ | environ)
        try:
            post(service, at_ms=2_000_000_000_000)
            eventually(lambda: portal.writes, 30)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
        finally:
            worker.kill()
            worker.wait()


def test_a_worker_without_a_store_says_what_to_do(tmp_path: Path) -> None:
    environ = os.environ | {"GATEKEEPER_DATA": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "service", "worker"], env=environ, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert b"GATEKEEPER_REDIS_URL" in ended.stderr
