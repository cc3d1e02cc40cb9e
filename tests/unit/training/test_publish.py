"""Features reach a service in batches that it takes, and what it does not take is reported."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from training import publish as publishing
from training.errors import DataError, PublishError
from training.publish import Destination, publish

LIVE = {
    "name": "book",
    "id_column": "id",
    "features": [
        {"name": "plan", "kind": "category"},
        {"name": "seats", "kind": "number"},
        {"name": "auto", "kind": "flag"},
    ],
}


class Stub:
    """A service that takes everything, but first gives the answers in `first`: status, headers, body."""

    def __init__(self) -> None:
        self.live: dict[str, Any] = LIVE
        self.first: list[tuple[int, dict[str, str], bytes]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.sizes: list[int] = []
        self.keys: list[str | None] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/v1/model"
                self.reply(200, {}, json.dumps(stub.live).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/features/batch"
                self.reply(*stub.take(body, self.headers["Authorization"]))

            def reply(self, status: int, headers: dict[str, str], answer: bytes) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.to = Destination(f"http://127.0.0.1:{self.server.server_port}", "k")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body: bytes, key: str | None) -> tuple[int, dict[str, str], bytes]:
        if self.first:
            return self.first.pop(0)
        batch = json.loads(body)["prospects"]
        self.batches.append(batch)
        self.sizes.append(len(body))
        self.keys.append(key)
        problem = {"type": "about:blank", "title": "Bad", "status": 400, "detail": "is no plan", "path": "$.plan"}
        results = [
            {"prospect_id": entry["prospect_id"]}
            | ({"error": problem} if entry["features"].get("plan") == "bad" else {"features_as_of": "now"})
            for entry in batch
        ]
        return 200, {}, json.dumps({"results": results}).encode()


@pytest.fixture
def stub() -> Iterator[Stub]:
    service = Stub()
    yield service
    service.server.shutdown()
    service.server.server_close()


def data(folder: Path, *rows: str, header: str = "id,plan,seats,auto,note") -> Path:
    path = folder / "leads.csv"
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def test_the_live_model_decides_the_columns_and_their_kinds(tmp_path: Path, stub: Stub) -> None:
    lines: list[str] = []
    path = data(tmp_path, "a,007,3,1,x", "b,,,no,x")
    assert publish(path, stub.to, None, report=lines.append) == 0
    assert stub.batches == [
        [
            {"prospect_id": "a", "features": {"plan": "007", "seats": 3.0, "auto": True}},
            {"prospect_id": "b", "features": {"plan": None, "seats": None, "auto": False}},
        ]
    ]
    assert stub.keys == ["Bearer k"]
    assert lines == []


def test_the_id_is_the_books_or_the_first_column_or_the_one_that_is_named(tmp_path: Path, stub: Stub) -> None:
    path = data(tmp_path, "1,x,3,yes,7")
    stub.live = {**LIVE, "id_column": "note"}
    publish(path, stub.to, None, report=print)
    stub.live = {**LIVE, "id_column": "customer"}
    publish(path, stub.to, None, report=print)
    publish(path, stub.to, "seats", report=print)
    publish(data(tmp_path, "9,x,3", header="__row,plan,seats"), stub.to, None, report=print)
    assert [batch[0]["prospect_id"] for batch in stub.batches] == ["7", "1", "3", "9"]
    assert "seats" not in stub.batches[2][0]["features"]


def test_what_is_not_taken_is_reported_and_the_rest_is_sent(tmp_path: Path, stub: Stub) -> None:
    lines: list[str] = []
    rows = ("a,bad,1,1,", "b,x,many,1,", ",x,1,1,", "d,x", "e,x,1,1,")
    assert publish(data(tmp_path, *rows), stub.to, None, report=lines.append) == 4
    assert sorted(lines) == [
        "a: $.plan: is no plan",
        "row 3: seats: expected a number",
        "row 4: id: expected an id",
        "row 5: expected 5 fields, got 2",
    ]
    assert [entry["prospect_id"] for entry in stub.batches[0]] == ["a", "e"]


def test_batches_keep_within_the_services_limits(tmp_path: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"p{i},{'x' * (i % 50)},1,1," for i in range(2500)]
    assert publish(data(tmp_path, *rows), stub.to, None, report=print) == 0
    assert [len(batch) for batch in stub.batches] == [1000, 1000, 500]
    monkeypatch.setattr(publishing, "BATCH_BYTES", 4000)
    stub.batches.clear()
    stub.sizes.clear()
    publish(data(tmp_path, *rows), stub.to, None, report=print)
    assert max(stub.sizes) <= 4000 + len('{"prospects":[]}')
    assert [entry["prospect_id"] for batch in stub.batches for entry in batch] == [f"p{i}" for i in range(2500)]


def test_a_busy_service_is_asked_again_after_the_time_it_names(tmp_path: Path, stub: Stub) -> None:
    stub.first = [(503, {"Retry-After": "7"}, b""), (503, {}, b""), (503, {"Retry-After": "3600"}, b"")]
    waits: list[float] = []
    assert publish(data(tmp_path, "a,x,1,1,"), stub.to, None, report=print, wait=waits.append) == 0
    assert waits == [7.0, 1.0, publishing.LONGEST_WAIT_S]


def test_a_service_that_stays_away_is_given_up(tmp_path: Path, stub: Stub) -> None:
    stub.server.shutdown()
    stub.server.server_close()
    waits: list[float] = []
    with pytest.raises(PublishError) as caught:
        publish(data(tmp_path, "a,x,1,1,"), stub.to, None, report=print, wait=waits.append)
    assert str(caught.value).startswith(f"{stub.to.url}/v1/model: ConnectError")
    assert str(caught.value).endswith("after 6 attempts; check that the service runs and try again")
    assert len(waits) == publishing.ATTEMPTS - 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {}, b'{"detail": "unknown key"}'), "answers 401 (unknown key); check --url and --key"),
        ((404, {}, b"<html>"), "answers 404; check --url and --key"),
        ((200, {}, b"[]"), "does not answer as Gatekeeper does"),
    ],
)
def test_a_refusal_of_the_whole_batch_stops_at_once(
    tmp_path: Path, stub: Stub, answer: tuple[int, dict[str, str], bytes], expected: str
) -> None:
    stub.first = [answer]
    with pytest.raises(PublishError) as caught:
        publish(data(tmp_path, "a,x,1,1,"), stub.to, None, report=print)
    assert str(caught.value).startswith(f"{stub.to.url}/v1/features/batch: {expected}")


@pytest.mark.parametrize("key", ["é", "k\n", "two words", "", "\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_at_once(tmp_path: Path, stub: Stub, key: str) -> None:
    waits: list[float] = []
    with pytest.raises(PublishError, match="--key: expected visible ASCII characters"):
        publish(data(tmp_path, "a,x,1,1,"), Destination(stub.to.url, key), None, report=print, wait=waits.append)
    assert (waits, stub.batches) == ([], [])


def test_features_that_the_file_lacks_are_named(tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    publish(data(tmp_path, "a,x", header="id,plan"), stub.to, None, report=print)
    assert "has no column seats, auto; the service will take these features as missing" in capsys.readouterr().err


def test_a_file_without_the_id_or_any_feature_is_refused(tmp_path: Path, stub: Stub) -> None:
    with pytest.raises(DataError, match=r"leads\.csv: has no column 'key' for the ids; name one with --id"):
        publish(data(tmp_path), stub.to, "key", report=print)
    with pytest.raises(
        DataError, match=r"leads\.csv: has no column that is a feature of the live model, which takes plan, seats, auto"
    ):
        publish(data(tmp_path, header="id,x"), stub.to, None, report=print)


def test_a_date_is_sent_as_a_day_and_a_bad_one_stays_behind(tmp_path: Path, stub: Stub) -> None:
    stub.live = {**LIVE, "features": [{"name": "founded", "kind": "date"}]}
    lines: list[str] = []
    path = data(tmp_path, "a,2001/4/1 9:00", "b,", "c,soon", header="id,founded")
    assert publish(path, stub.to, None, report=lines.append) == 1
    assert [entry["features"] for entry in stub.batches[0]] == [{"founded": "2001-04-01"}, {"founded": None}]
    assert lines == ["row 4: founded: expected a date such as 2026-03-31"]
