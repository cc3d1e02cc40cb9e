"""Ids: those that we make, UUIDs of version 7 (RFC 9562), and how a person's id stands in the store's keys."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from functools import lru_cache

_BLOCK = 64
"""Bytes that SHA-256 takes at once."""


def decision_ids(now: datetime, count: int) -> list[str]:
    """`count` ids made at `now`, unique and sorted by time."""
    head = f"{int(now.timestamp() * 1000):012x}"
    head = f"{head[:8]}-{head[8:]}-7"
    drawn = os.urandom(10 * count).hex()
    return [
        f"{head}{word[:3]}-{_VARIANT[word[3]]}{word[4:7]}-{word[7:19]}"
        for word in (drawn[start : start + 19] for start in range(0, 20 * count, 20))
    ]


_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


class Pseudonyms:
    """HMAC-SHA256 (RFC 2104) of ids under one secret, whose part of the work is done once."""

    def __init__(self, secret: bytes) -> None:
        key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._lately = lru_cache(maxsize=1024)(self._of)  # a score asks twice: for the store, and for the record

    def of(self, person_id: str) -> str:
        """The first 16 bytes of the id's HMAC, in hex."""
        return self._lately(person_id)

    def _of(self, person_id: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(person_id.encode())
        outer.update(inner.digest())
        return outer.digest()[:16].hex()
