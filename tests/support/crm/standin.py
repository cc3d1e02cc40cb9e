"""What stands in for a CRM's own interface: a real HTTP server on loopback, in a thread of the test."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One request as it came; names of headers in lower case, the values of a repeated query key joined by commas."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What is answered: `body` as JSON, unless it is bytes already."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Reset(msgspec.Struct, frozen=True):
    """The connection is reset instead of an answer."""


class Held(msgspec.Struct, frozen=True):
    """No answer before the server closes: longer than anybody waits."""


Fault = Answer | Reset | Held


class StandIn(ABC):
    """A vendor's server, as a context manager; `received` holds what it was asked, in order."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Request] = []
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, *faults: Fault) -> None:
        """Meet the next requests with these, one each."""
        self._faults.extend(faults)

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """What the vendor would answer; one request at a time."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reply(self, request: Request) -> Answer | Reset:
        """What `request` is met with: the next fault if there is one."""
        with self._lock:
            self.received.append(request)
            fault = self._faults.popleft() if self._faults else None
            if fault is None:
                return self.answer(request)
        if isinstance(fault, Held):
            self._closing.wait(60)
            return Reset()
        return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: StandIn

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close, with the connections that clients keep alive: their threads end with them."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Nothing: a test reads `received`."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        query = {key: ",".join(values) for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        answer = cast("_Server", self.server).stand_in.reply(Request(self.command, parts.path, query, headers, body))
        if isinstance(answer, Reset):
            self._reset()
            return
        content = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
        if answer.status == 204:
            content = b""
        self.send_response_only(answer.status)
        usual = {"Content-Type": "application/json", "Date": self.date_time_string()}
        for name, value in {**usual, **answer.headers}.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
