"""Beyond capacity: refused at once and unread, while health answers and slow clients hold nobody up."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.admission import STANDING_S
from tests.support.server import Service, running, taken
from tests.support.waiting import eventually

HEAD = b"%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev\r\nContent-Type: application/json\r\n"
BODY = b'{"prospect_id": "L"}'
SCORE = HEAD % b"POST /v1/score" + b"Content-Length: %d\r\n" % len(BODY)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, small_registry: Path) -> Iterator[Service]:
    """A service that lets in two requests at a time."""
    folder = tmp_path_factory.mktemp("narrow")
    env = {
        "GATEKEEPER_BURST_REQUESTS": "2",
        "GATEKEEPER_STANDING_REQUESTS": "2",
        "GATEKEEPER_STORE_TIMEOUT_MS": "5000",
        "GATEKEEPER_BREAKER_PROBE_MS": "5000",
    }
    with running(folder, small_registry, "dev", env=env) as started:
        yield started


def connected(service: Service) -> socket.socket:
    address = (service.client.base_url.host, service.client.base_url.port or 0)
    return socket.create_connection(address, timeout=15)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer on a connection."""
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    lines = iter(lambda: stream.readline().strip(), b"")
    named = (line.decode().partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in named}
    return status, headers, stream.read(int(headers["content-length"]))


def refused(service: Service) -> bool:
    return service.client.post("/v1/score", json={"prospect_id": "M"}).status_code == 503


@contextlib.contextmanager
def full(service: Service) -> Iterator[None]:
    """As many requests as the service lets in wait for the store, and are answered in the end."""
    store = int(service.events("store.started")[-1]["pid"])
    with connected(service) as first, connected(service) as second:
        os.kill(store, signal.SIGSTOP)
        try:
            for held in (first, second):
                held.sendall(SCORE + b"\r\n" + BODY)
            eventually(lambda: taken(first) and taken(second))
            assert refused(service)
            yield
        finally:
            os.kill(store, signal.SIGCONT)
        assert [answer(held)[0] for held in (first, second)] == [200, 200]


def test_what_is_too_much_is_a_503_that_says_when_to_come_back(narrow: Service) -> None:
    with full(narrow):
        told = narrow.client.post("/v1/score", json={"prospect_id": "M"}, headers={"X-Request-Id": "mine-7"})
        assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert told.headers["content-type"] == "application/problem+json"
        assert told.headers["x-request-id"] == "mine-7"
        assert told.json()["type"] == "urn:gatekeeper:overloaded"
        assert narrow.client.get("/health/live").status_code == 200
        assert narrow.client.get("/health/ready").json()["ready"]
        counted = narrow.client.get("/metrics").text
    line = next(line for line in counted.splitlines() if line.startswith("gatekeeper_overload_refusals_total "))
    assert float(line.split()[1]) >= 2
    assert not refused(narrow)


def test_a_refused_connection_goes_on_with_its_next_request(narrow: Service) -> None:
    with connected(narrow) as connection:
        with full(narrow):
            for _ in range(3):  # the first on a new connection, then on one that was refused
                connection.sendall(SCORE + b"\r\n" + BODY)
                assert answer(connection)[0] == 503
            connection.sendall(HEAD % b"GET /health/live" + b"\r\n")
            assert answer(connection)[0] == 200
        connection.sendall(SCORE + b"\r\n" + BODY)
        status, _, body = answer(connection)
        assert (status, json.loads(body)["prospect_id"]) == (200, "L")


@pytest.mark.parametrize("header", [b"Expect: 100-continue\r\n", b"Connection: close\r\n"])
def test_who_may_not_go_on_after_a_refusal_is_let_go(narrow: Service, header: bytes) -> None:
    with full(narrow), connected(narrow) as connection:
        connection.sendall(SCORE + header + b"\r\n")
        assert answer(connection)[0] == 503
        assert connection.recv(1) == b""


def test_clients_that_never_finish_a_body_take_no_place_from_others(tmp_path: Path, small_registry: Path) -> None:
    env = {"GATEKEEPER_STANDING_REQUESTS": "2"}
    with running(tmp_path, small_registry, "dev", env=env) as service, contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(connected(service)).sendall(SCORE + b"\r\n" + BODY[:5])
        deadline = time.monotonic() + 2 * STANDING_S
        while time.monotonic() < deadline:
            assert not refused(service)


def test_who_does_not_read_an_answer_is_cut_off(tmp_path: Path, small_registry: Path) -> None:
    batch = json.dumps({"prospects": [{"prospect_id": f"L-{i}"} for i in range(1000)]}).encode()
    head = HEAD % b"POST /v1/score/batch?reasons=all" + b"Content-Length: %d\r\n\r\n" % len(batch)
    with running(tmp_path, small_registry, "dev", env={"GATEKEEPER_RECEIVE_TIMEOUT_S": "1"}) as service:
        with connected(service) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(BlockingIOError):
                connection.setblocking(False)
                for _ in range(8):  # more than the buffers of both ends take
                    connection.sendall(head + batch)
            eventually(lambda: not _held_by_server(connection))
        assert service.ready()


def _held_by_server(connection: socket.socket) -> bool:
    """Whether the server's end is open (Linux: established, where a closed one still has data to send)."""
    port = f":{connection.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, _, remote, state, *_ = line.split()
        if remote.endswith(port):
            return state == "01"
    return False
