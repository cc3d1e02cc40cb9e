"""The hot path on its connection answers as the application does, and leaves to the application what is not plain."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.keys import digest
from tests.support.app import API_KEY, client_of, settings_for
from tests.support.server import Service, running
from tests.support.valkey import Valkey

FEATURES = {"contract": "Month-to-month", "monthly_charges": 160, "paperless": True, "seats": 90}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, small_registry: Path) -> Iterator[Service]:
    """A real server, whose connections answer the hot path themselves."""
    key = f"tests:admin:{digest(API_KEY)}"
    folder = tmp_path_factory.mktemp("direct")
    with running(folder, small_registry, "dev", env={"GATEKEEPER_API_KEYS": key}) as started:
        started.client.headers["Authorization"] = f"Bearer {API_KEY}"
        yield started


@pytest.fixture
def application(small_registry: Path, valkey: Valkey) -> Iterator[TestClient[Litestar]]:
    """The application without a server: every request goes through ASGI."""
    with client_of(settings_for(small_registry, valkey.url)) as client:
        yield client


def told(response: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """What an answer says, without what differs each time."""
    varying = {"date", "x-request-id", "content-length"}
    headers = {name: value for name, value in response.headers.items() if name not in varying}
    body = response.json()
    for name in ("decision_id", "scored_at"):
        body.pop(name, None)
    return response.status_code, headers, body


@pytest.mark.parametrize(
    ("query", "content", "headers"),
    [
        ("", json.dumps({"prospect_id": "L", "features": FEATURES}), {}),
        ("?lang=ja&reasons=all", json.dumps({"prospect_id": "L", "features": FEATURES}), {}),
        ("", json.dumps({"prospect_id": "nobody"}), {"Accept-Language": "ja"}),
        ("", json.dumps({"prospect_id": "L", "value": {"discount": 0.5}}), {}),
        ("?lang=tlh", "{}", {}),
        ("", '{"prospect_id": "L", "features": {"seat": 1}}', {}),
        ("", "{", {}),
        ("", '{"prospect_id": ""}', {}),
        ("", "", {}),
        ("", " " * 70_000, {}),
    ],
)
def test_both_ways_tell_the_same(
    service: Service, application: TestClient[Litestar], query: str, content: str, headers: dict[str, str]
) -> None:
    direct = service.client.post(f"/v1/score{query}", content=content, headers={**JSON, **headers})
    through_asgi = application.post(f"/v1/score{query}", content=content, headers={**JSON, **headers})
    status, named, body = told(direct)
    other_status, other_named, other_body = told(through_asgi)
    assert (status, body) == (other_status, other_body)
    assert named == other_named
    assert len(direct.content) == int(direct.headers["content-length"])


def test_method_media_type_and_key_are_refused_as_everywhere(service: Service) -> None:
    assert service.client.get("/v1/score").status_code == 405
    assert service.client.get("/v1/score").headers["allow"] == "POST"
    assert service.client.post("/v1/score", content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    refused = service.client.post("/v1/score", json={}, headers={"Authorization": "Bearer nobody"})
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:gatekeeper:unauthorized")


def test_an_id_is_echoed_and_a_new_one_made_each_time(service: Service) -> None:
    def own_id(**headers: str) -> str:
        return service.client.post("/v1/score", json={"prospect_id": "L"}, headers=headers).headers["x-request-id"]

    assert own_id(**{"X-Request-Id": "mine-7"}) == "mine-7"
    assert len({own_id(), own_id(), own_id(**{"X-Request-Id": "not sane"})}) == 3


def test_answers_are_counted(service: Service) -> None:
    def counted() -> float:
        name = 'gatekeeper_requests_total{method="POST",route="/v1/score",status="200"} '
        lines = service.client.get("/metrics").text.splitlines()
        return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)

    before = counted()
    for _ in range(3):
        service.client.post("/v1/score", json={"prospect_id": "L"})
    assert counted() == before + 3


HEAD = (
    b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
    % API_KEY.encode()
)
BODY = b'{"prospect_id": "L"}'
PLAIN = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def talk(service: Service, *sent: bytes) -> bytes:
    """All that is answered to what is sent piece by piece, until the server closes."""
    address = (service.client.base_url.host, service.client.base_url.port or 0)
    with socket.create_connection(address, timeout=15) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in sent:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


CLOSING = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        ((PLAIN, CLOSING), 2),
        ((PLAIN + PLAIN + PLAIN + CLOSING,), 4),
        ((PLAIN + b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN + CLOSING,), 4),
        ((*(PLAIN[i : i + 7] for i in range(0, len(PLAIN), 7)), CLOSING), 2),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + BODY + b"\r\n0\r\n\r\n", CLOSING), 2),
        ((HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),), 1),
        ((CLOSING,), 1),
    ],
    ids=["in turn", "pipelined", "mixed", "in pieces", "chunked", "HTTP/1.0", "closing"],
)
def test_every_request_on_a_connection_has_one_answer(service: Service, sent: tuple[bytes, ...], answers: int) -> None:
    received = talk(service, *sent)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == answers
    assert received.count(b'"prospect_id":"L"') == answers - sent[0].count(b"/health/live")


def converse(service: Service, *sent: tuple[bytes, ...]) -> list[tuple[int, dict[str, Any]]]:
    """Status and body of the answer to each request, sent piece by piece once the one before was answered."""
    answers = []
    address = (service.client.base_url.host, service.client.base_url.port or 0)
    with socket.create_connection(address, timeout=15) as connection, connection.makefile("rb") as file:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pieces in sent:
            for piece in pieces:
                connection.sendall(piece)
            status = int(file.readline().split()[1])
            headers = dict(line.split(b": ", 1) for line in iter(file.readline, b"\r\n"))
            answers.append((status, json.loads(file.read(int(headers[b"content-length"])))))
    return answers


def test_a_head_that_comes_again_is_answered_by_what_comes_with_it(service: Service) -> None:
    other = PLAIN.replace(b'"L"', b'"M"')
    nobody = PLAIN.replace(API_KEY.encode(), b"x" * len(API_KEY))
    sent = (PLAIN, PLAIN, other, PLAIN[:-1] + b"!", nobody, nobody, PLAIN)
    seen = converse(service, *((each,) for each in sent), (PLAIN[:-5], PLAIN[-5:]), (PLAIN,))
    assert [status for status, _ in seen] == [200, 200, 200, 400, 401, 401, 200, 200, 200]
    assert [body.get("prospect_id") for _, body in seen] == ["L", "L", "M", None, None, None, "L", "L", "L"]
    assert len({body["decision_id"] for status, body in seen if status == 200}) == 6


def test_who_hangs_up_before_the_answer_disturbs_nobody(service: Service) -> None:
    address = (service.client.base_url.host, service.client.base_url.port or 0)
    for _ in range(50):
        with socket.create_connection(address, timeout=15) as connection:
            connection.sendall(PLAIN)
    assert service.client.post("/v1/score", json={"prospect_id": "L"}).status_code == 200
    assert service.events("failure") == []
