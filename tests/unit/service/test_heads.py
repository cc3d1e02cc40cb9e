"""A head that was read before need not be read again, if the same body length comes with it."""

from __future__ import annotations

from service.heads import LONGEST_BYTES, MOST, Heads
from service.hotpath import Request


def request(length: int) -> Request:
    return Request("POST", b"", {b"content-length": b"%d" % length}, None)


def test_a_head_is_known_with_the_body_length_that_it_declares_alone() -> None:
    heads = Heads()
    heads.learn(b"a", 2, request(2))
    assert heads.known(b"a", 2) == request(2)
    assert heads.known(b"a", 1) is None
    assert heads.known(b"b", 2) is None


def test_a_head_whose_body_is_not_all_there_is_not_learned() -> None:
    heads = Heads()
    heads.learn(b"a", 2, request(3))
    heads.learn(b"b", 0, Request("POST", b"", {}, None))
    assert heads.known(b"a", 2) is None
    assert heads.known(b"b", 0) is None


def test_heads_that_change_with_every_request_do_not_pile_up() -> None:
    heads = Heads()
    for number in range(10 * MOST):
        heads.learn(b"%d" % number, 2, request(2))
    assert sum(heads.known(b"%d" % number, 2) is not None for number in range(10 * MOST)) <= MOST


def test_a_long_head_is_not_kept() -> None:
    heads = Heads()
    heads.learn(b"a" * (LONGEST_BYTES + 1), 2, request(2))
    assert heads.known(b"a" * (LONGEST_BYTES + 1), 2) is None
