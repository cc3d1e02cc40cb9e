"""Heads of requests that have been read before: a client sends the same one again and again.

A head is a request's bytes up to the empty line. What the parser made of it once holds for the same bytes, when they
come with as long a body.
"""

from __future__ import annotations

from service.hotpath import Request

MOST = 256
"""Heads that are kept: some for each client. One that changes with every request only takes the place of others."""

LONGEST_BYTES = 4096
"""Of a head that is kept: together they take a megabyte at most."""


class Heads:
    """What the parser has made of heads."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Request]] = {}

    def known(self, head: bytes, body_bytes: int) -> Request | None:
        """The request that this head was, if its body is all there; its client is another's."""
        length, request = self._known.get(head, (-1, None))
        return request if length == body_bytes else None

    def learn(self, head: bytes, body_bytes: int, request: Request) -> None:
        """Keep what a head was read as, if so long a body is what it declares."""
        if len(head) > LONGEST_BYTES or request.headers.get(b"content-length") != b"%d" % body_bytes:
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[head] = (body_bytes, request)
