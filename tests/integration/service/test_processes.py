"""The service as processes: starting, stopping, dying and coming back."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.keys import new_key
from tests.support.server import Service, running, taken
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

BODY: dict[str, Any] = {"prospect_id": "L", "features": {"monthly_charges": 90}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, small_registry: Path) -> Iterator[Service]:
    """Two workers, for tests that leave them alive."""
    folder = tmp_path_factory.mktemp("service")
    env = {"GATEKEEPER_LOG_LEVEL": "debug"}
    with running(folder, small_registry, "dev", "--workers", "2", env=env) as started:
        yield started


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, small_registry: Path) -> Iterator[Service]:
    """One worker that waits a second for what is sent to it."""
    folder = tmp_path_factory.mktemp("impatient")
    with running(folder, small_registry, "dev", env={"GATEKEEPER_RECEIVE_TIMEOUT_S": "1"}) as started:
        yield started


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> set[int]:
    """Processes below `pid` now."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def workers(service: Service) -> set[int]:
    """The processes that answer HTTP."""
    found = descendants(service.process.pid)
    commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in found}
    return {pid for pid, command in commands.items() if command.exists() and b"service.worker" in command.read_bytes()}


def store_pid(service: Service) -> int:
    """The embedded store's process."""
    entries = service.events("store.started") + service.events("store.adopted")
    return int(entries[-1]["pid"])


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
    command = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(
        command, env={**environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_request_in_flight_finish_and_leaves_nothing_behind(
    tmp_path: Path, small_registry: Path, number: int
) -> None:
    with running(tmp_path, small_registry, "dev", "--workers", "2") as service:
        below = descendants(service.process.pid) | {store_pid(service)}
        assert len(below) == 3
        service.client.put("/v1/prospects/L/features", json={"seats": 3})
        content = b'{"prospect_id": "L"}'
        head = (
            b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(content)
        )
        host, port = service.client.base_url.host, service.client.base_url.port
        with socket.create_connection((host, port), timeout=15) as connection:
            connection.sendall(head + content[:5])
            eventually(lambda: taken(connection))
            service.process.send_signal(number)
            eventually(lambda: _refused(host, port))
            connection.sendall(content[5:])
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert b'"degraded":false' in answer
        assert service.process.wait(15) == 0
        assert not [pid for pid in below if alive(pid)]


def _refused(host: str, port: int | None) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port or 0), timeout=1):
        return False
    return True


def test_a_request_that_never_ends_is_cut_off_when_the_drain_time_is_over(tmp_path: Path, small_registry: Path) -> None:
    with running(tmp_path, small_registry, "dev", env={"GATEKEEPER_DRAIN_S": "1"}) as service:
        host, port = service.client.base_url.host, service.client.base_url.port
        with socket.create_connection((host, port), timeout=15) as connection:
            connection.sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            eventually(lambda: taken(connection))
            started = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthor", b"HTTP/1.1 408 Request Timeout"),
        (b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 401 Unauthorized"),
        (
            b"POST /v1/score HTTP/1.1\r\nAuthorization: Bearer dev\r\nContent-Type: application/json\r\n%s\r\n\r\n{"
            % b"Content-Length: 9",
            b"HTTP/1.1 408 Request Timeout",
        ),
    ],
    ids=["header", "refused", "body"],
)
def test_who_does_not_finish_a_request_is_cut_off(impatient: Service, sent: bytes, status: bytes) -> None:
    assert impatient.ready()
    host, port = impatient.client.base_url.host, impatient.client.base_url.port
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.partition(b"\r\n")[0] == status
    assert not status.startswith(b"HTTP/1.1 408") or b'"type":"urn:gatekeeper:too-slow"' in answer
    assert impatient.events("worker.died") == []


def test_who_is_idle_between_requests_is_not_cut_off(impatient: Service) -> None:
    host, port = impatient.client.base_url.host, impatient.client.base_url.port

    def from_port() -> int:
        stream = impatient.client.get("/health/live").extensions["network_stream"]
        return int(stream.get_extra_info("client_addr")[1])

    first = from_port()
    with socket.create_connection((host, port), timeout=5) as unfinished:
        unfinished.sendall(b"GET")
        answer = b"".join(iter(lambda: unfinished.recv(65536), b""))  # cut off, and the idle one was there before it
    assert answer.startswith(b"HTTP/1.1 408")
    assert from_port() == first


def test_killing_the_store_under_load_fails_no_request_and_is_over_within_a_second(
    tmp_path: Path, small_registry: Path
) -> None:
    seen: list[tuple[float, int, bool]] = []
    stop = threading.Event()
    with running(tmp_path, small_registry, "dev") as service:
        service.client.put("/v1/prospects/L/features", json={"seats": 3})
        url = service.client.base_url

        def load() -> None:
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer dev"}, timeout=15) as client:
                while not stop.is_set():
                    response = client.post("/v1/score", json={"prospect_id": "L"})
                    seen.append((time.monotonic(), response.status_code, response.json()["degraded"]))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            eventually(lambda: len(seen) > 50)
            old = store_pid(service)
            os.kill(old, signal.SIGKILL)
            eventually(lambda: any(degraded for *_, degraded in seen))
            eventually(lambda: len(service.events("store.started")) == 2)
            back = time.monotonic()
            eventually(lambda: not any(degraded for *_, degraded in seen[-50:]), within_s=1.5)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert {status for _, status, _ in seen} == {200}
        assert max((at for at, _, degraded in seen if degraded), default=0) < back + 1.0
        assert store_pid(service) != old
        assert service.client.get("/v1/prospects/L/features").json()["features"] == {"seats": 3}
        assert service.stop() == 0


def test_a_killed_supervisor_takes_its_workers_along_and_its_store_is_adopted(
    tmp_path: Path, small_registry: Path
) -> None:
    with running(tmp_path, small_registry, "dev", "--workers", "2") as service:
        store = store_pid(service)
        below = descendants(service.process.pid) - {store}
        service.client.put("/v1/prospects/L/features", json={"seats": 3})
        service.process.kill()
        service.process.wait()
        eventually(lambda: not any(alive(pid) for pid in below))
        assert alive(store)
    (tmp_path / "service.log").unlink()
    with running(tmp_path, small_registry, "dev") as service:
        assert [entry["pid"] for entry in service.events("store.adopted")] == [store]
        assert service.events("store.started") == []
        assert service.client.get("/v1/prospects/L/features").json()["features"] == {"seats": 3}
        assert service.stop() == 0
    assert not alive(store)


def test_who_sends_ten_megabytes_reads_a_413(service: Service) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(160):
            yield b" " * 65536

    headers = {"Content-Type": "application/json"}
    for content in (b" " * 10_485_760, chunks()):
        refused = service.client.post("/v1/score", content=content, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (413, "urn:gatekeeper:too-large")
    assert service.client.post("/v1/score", json=BODY).status_code == 200


def test_a_signal_to_read_keys_waits_for_a_worker_that_starts(tmp_path: Path, small_registry: Path) -> None:
    with running(tmp_path, small_registry, "dev") as service:
        [old] = workers(service)
        os.kill(old, signal.SIGKILL)
        eventually(lambda: workers(service) - {old})
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: service.events("keys.read"))
        assert [entry["pid"] for entry in service.events("worker.died")] == [old]


def test_an_id_with_a_slash_has_a_url(service: Service) -> None:
    path = "/v1/prospects/crm%2F%E5%B1%B1/features?x=1"
    assert service.client.put(path, json={"seats": 3}).json()["prospect_id"] == "crm/山"
    assert service.client.get(path).json()["features"] == {"seats": 3}
    assert service.client.delete(path).status_code == 204
    assert service.client.get("/v1/prospects/%ff/features").status_code == 400


@pytest.mark.parametrize("path", ["/health/ready", "/health/live", "/metrics"])
def test_head_is_answered_like_get_without_the_body(service: Service, path: str) -> None:
    got, asked = service.client.get(path), service.client.head(path)
    assert (asked.status_code, asked.headers["content-type"]) == (200, got.headers["content-type"])
    assert asked.content == b""
    assert service.client.get(path).status_code == 200


def test_a_worker_that_dies_is_replaced(tmp_path: Path, small_registry: Path) -> None:
    with running(tmp_path, small_registry, "dev") as service:
        [worker] = workers(service)
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: service.events("worker.died"))
        eventually(service.ready)
        assert service.client.post("/v1/score", json=BODY).status_code == 200
        assert service.stop() == 0


def test_metrics_are_summed_over_the_workers(service: Service) -> None:
    def scores() -> float:
        line = 'gatekeeper_requests_total{method="POST",route="/v1/score",status="200"} '
        text = service.client.get("/metrics").text
        return sum(float(found.removeprefix(line)) for found in text.splitlines() if found.startswith(line))

    before = scores()
    for _ in range(40):  # each over a connection of its own, so that both workers get some
        service.client.post("/v1/score", json=BODY, headers={"Connection": "close"}).raise_for_status()
    assert scores() == before + 40
    assert service.client.get("/metrics").text.count("gatekeeper_store_given_up") >= 1


def test_the_key_dev_is_for_loopback_and_the_start_says_so(service: Service) -> None:
    assert service.events("dev_key")
    assert service.client.post("/v1/score", json=BODY).status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert service.client.post("/v1/score", json=BODY, headers={header: "127.0.0.1"}).status_code == 401


def test_serve_with_no_keys_refuses_to_start_and_names_the_remedy() -> None:
    refused = run("serve", env={"GATEKEEPER_DEV_KEY": "1"})
    assert refused.returncode == 2
    assert "python -m service key new" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_faulty_settings_are_all_told_at_once() -> None:
    refused = run("serve", env={"GATEKEEPER_PORT": "http", "GATEKEEPER_WORKERS": "0", "GATEKEEPER_PROT": "1"})
    assert refused.returncode == 2
    for name in ("GATEKEEPER_PORT", "GATEKEEPER_WORKERS", "GATEKEEPER_PROT"):
        assert name in refused.stderr


def test_a_new_key_works_in_serve_and_keys_are_read_again_on_sighup(
    tmp_path: Path, small_registry: Path, valkey: Valkey
) -> None:
    printed = run("key", "new", "--scopes", "score,features", "--name", "crm")
    key, line = (text.split(maxsplit=1)[1] for text in printed.stdout.splitlines())
    keys = tmp_path / "keys"
    keys.write_text(f"# the CRM\n{line}\n", "utf-8")
    env = {
        "GATEKEEPER_API_KEYS_FILE": str(keys),
        "GATEKEEPER_REDIS_URL": valkey.url,
        "GATEKEEPER_ID_SECRET": "a secret of the tests alone",
    }
    with running(tmp_path, small_registry, "serve", env=env) as service:

        def status(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return service.client.post("/v1/score", json=BODY, headers=headers).status_code

        assert (status(key), status("dev")) == (200, 401)
        assert not (tmp_path / "data").exists()
        second, line = new_key("rotated", ["score"])
        keys.write_text(line, "utf-8")
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: status(second) == 200)
        assert status(key) == 401
        keys.write_text("nonsense", "utf-8")
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: service.events("keys.refused"))
        assert status(second) == 200
        assert service.stop() == 0


def test_two_services_do_not_share_a_data_folder(service: Service) -> None:
    refused = run("dev", env={"GATEKEEPER_DATA": str(service.data), "GATEKEEPER_PORT": "0"})
    assert refused.returncode == 2
    assert "another Gatekeeper owns this data folder" in refused.stderr


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run("dev", env={"GATEKEEPER_DATA": str(tmp_path), "GATEKEEPER_PORT": port})
    assert refused.returncode == 2
    assert port in refused.stderr


def test_logs_hold_nothing_personal(service: Service) -> None:
    secret = "taro-yamada"  # noqa: S105
    before = len(service.events("request"))
    service.client.put(f"/v1/prospects/{secret}/features", json={"contract": secret})
    service.client.post(f"/v1/score?x={secret}", json={"prospect_id": secret, "features": {"contract": secret}})
    service.client.post("/v1/score", json={"prospect_id": secret, "features": {"seats": secret}})
    service.client.get(f"/v1/{secret}", headers={"X-Whatever": secret})
    eventually(lambda: len(service.events("request")) >= before + 4)
    assert secret not in service.log
