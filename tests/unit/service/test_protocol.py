"""What is refused unparsed: one whole plain POST, and nothing that the parser might see otherwise."""

from __future__ import annotations

import pytest

from service.protocol import whole_post

POST = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n%s\r\n{}"


def test_a_whole_post_is_known_with_the_id_that_it_brings() -> None:
    assert whole_post(POST % b"") == b""
    assert whole_post(POST % b"X-Request-Id: mine-7\r\n") == b"mine-7"
    assert whole_post(POST % b"x-request-id:mine-7\r\n") == b"mine-7"
    assert whole_post((POST % b"").replace(b"Content-Length", b"content-length")) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /v1/score HTTP/1.1\r\nHost: x\r\n",
        (POST % b"")[:-1],
        POST % b"" + b"{}",
        POST % b"" + POST % b"",
        POST % b"Expect: 100-continue\r\n",
        POST % b"Connection: close\r\n",
        (POST % b"").replace(b"HTTP/1.1", b"HTTP/1.0"),
        (POST % b"").replace(b"POST", b"GET"),
        (POST % b"").replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        (POST % b"").replace(b"Content-Length: 2", b"Content-Length: -2"),
    ],
)
def test_what_is_not_one_whole_plain_post_is_left_to_the_parser(data: bytes) -> None:
    assert whole_post(data) is None
