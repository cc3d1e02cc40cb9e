"""The feature store: per prospect the raw features, which are the truth, and one vector encoded from them.

    gk:{tenant}:f:{hmac}   hash: raw features as JSON, their times, revision, time of the last write; knows no contract
    gk:{tenant}:v:{hmac}   string, little-endian: 8 bytes of the contract's hash, as_of as float64 (seconds since 1970),
                           F float32; or a bar, where nobody may score them (`bars.py`)

Whoever reads a vector of another contract, or none, encodes it anew from the raw features and writes it back unless
they changed in between. Keys hold an HMAC of the person's id, never the id.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
from redis.exceptions import RedisError

from models.contract import Contract, Scalar, Vector
from models.errors import FeatureError
from service import feature_scripts
from service.bars import BARS, Barred
from service.errors import Erased, StoreUnavailable
from service.ids import Pseudonyms
from service.metrics import Metrics
from service.store import Store

HEAD = struct.Struct("<8sd")
CHUNK = 64
"""Prospects per round trip: keeps a batch within the store's time-out, and single requests served in between."""

_json = msgspec.json.Encoder()
_scalar = msgspec.json.Decoder(Scalar)


class Stored(msgspec.Struct, frozen=True):
    """A prospect's encoded features, float32 [F], and when they were last written, in seconds since 1970.

    Dates are encoded so that they hold on any day, see `Contract.as_of`.
    """

    x: Vector
    as_of: float


Found = Stored | Barred | StoreUnavailable | None
"""What the store says of a prospect's vector; the error where it refused to tell."""


class Raw(msgspec.Struct, frozen=True):
    """A prospect's raw features as they were sent."""

    features: dict[str, Scalar]
    as_of: float
    revision: bytes


def raw_of(fields: Mapping[bytes, bytes]) -> Raw | None:
    """The raw features in the fields of a prospect's hash, None where there are none."""
    if not fields:
        return None
    features = {name[1:].decode(): _scalar.decode(value) for name, value in fields.items() if name[:1] == b":"}
    return Raw(features, float(fields[b"@as_of"]), fields[b"@rev"])


class FeatureStore:
    """Reads and writes prospects' features; `StoreUnavailable` when the store does not answer in time.

    Args:
        store: the connection.
        tenant: part of every key.
        id_secret: HMAC key of the ids.
        ttl: life of a prospect's features after the last write.
        metrics: where re-encoding is counted.
    """

    def __init__(self, store: Store, tenant: str, id_secret: str, ttl: timedelta, metrics: Metrics) -> None:
        self._store = store
        self._redis = store.client
        self._prefix = f"gk:{tenant}:"
        self._pseudonyms = Pseudonyms(id_secret.encode())
        self._ttl_ms = int(ttl.total_seconds() * 1000)
        self._metrics = metrics

    def hidden(self, prospect_id: str) -> str:
        """How the prospect stands in keys, and in the ledger."""
        return self._pseudonyms.of(prospect_id)

    async def vectors(self, ids: Sequence[str], contract: Contract) -> list[Found]:
        """The encoded features of each prospect, or that nobody may score them; None where nothing is stored.

        One round trip, and two more where vectors have to be made anew.
        """
        hidden = [self._pseudonyms.of(prospect_id) for prospect_id in ids]
        found = await self._store.values([f"{self._prefix}v:{each}" for each in hidden])
        head = _mark(contract)
        stored: list[Found] = [_unpack(contract, head, vector) for vector in found]
        stale = [place for place, known in enumerate(stored) if known is None]
        if stale:
            anew = await self._reencode([self._keys(ids[place]) for place in stale], contract)
            for place, known in zip(stale, anew, strict=True):
                stored[place] = known
        return stored

    async def read(self, prospect_id: str) -> Raw | None:
        """The raw features of one prospect."""
        fields: Awaitable[Any] = self._redis.hgetall(self._keys(prospect_id)[0])
        return raw_of(await self._store.run(fields))

    async def put(self, features: Mapping[str, Mapping[str, Scalar]], contract: Contract, as_of: float) -> set[str]:
        """Replace all features of each prospect in `features`, which the contract has accepted.

        Returns the ids of those who were erased: nothing is stored of them.
        """
        entries = list(features.items())
        erased: set[str] = set()
        for start in range(0, len(entries), CHUNK):
            pipeline = self._redis.pipeline(transaction=False)
            chunk = entries[start : start + CHUNK]
            for prospect_id, values in chunk:
                fields: list[bytes | str] = []
                for name, value in values.items():
                    if value is not None:
                        fields += (":" + name, _json.encode(value))
                vector = _pack(contract, as_of, contract.encode(values))
                pipeline.eval(
                    feature_scripts.PUT,
                    2,
                    *self._keys(prospect_id),
                    self._ttl_ms,
                    _revision(),
                    repr(as_of),
                    vector,
                    *fields,
                )
            written = await self._store.run(pipeline.execute())
            erased.update(who for (who, _), stored in zip(chunk, written, strict=True) if not stored)
        return erased

    async def patch(self, prospect_id: str, values: Mapping[str, Scalar], contract: Contract, as_of: float) -> None:
        """Change the features in `values`, which the contract has accepted; None makes one missing, the rest stay.

        Raises:
            Erased: the prospect was.
        """
        x = contract.encode(values)
        changes: list[bytes | str | int] = []
        for name, value in values.items():
            raw = b"" if value is None else _json.encode(value)
            for position in contract.positions[name]:
                changes += (":" + name, raw, HEAD.size + 4 * position, x[position].astype("<f4").tobytes())
        length = HEAD.size + 4 * len(contract.features)
        stored = await self._store.run(
            self._redis.eval(
                feature_scripts.PATCH,
                2,
                *self._keys(prospect_id),
                self._ttl_ms,
                _revision(),
                repr(as_of),
                HEAD.pack(_mark(contract), as_of),
                length,
                *changes,
            )
        )
        if not stored:
            raise Erased

    async def _reencode(self, keys: list[tuple[str, str]], contract: Contract) -> list[Found]:
        reading, writing = self._redis.pipeline(transaction=False), self._redis.pipeline(transaction=False)
        for raw_key, _ in keys:
            reading.hgetall(raw_key)
        anew: list[Found] = []
        refused = 0
        for pair, fields in zip(keys, await self._store.run(reading.execute(raise_on_error=False)), strict=True):
            if isinstance(fields, RedisError):
                anew.append(self._store.refused(fields))
                continue
            raw = raw_of(fields)
            if raw is None:
                anew.append(None)
                continue
            x, refused_here = _accepted(contract, raw.features)
            refused += refused_here
            writing.eval(feature_scripts.RENEW, 2, *pair, raw.revision, _pack(contract, raw.as_of, x))
            anew.append(Stored(x, raw.as_of))
        if renewed := len(writing):
            await self._store.run(writing.execute())
            self._metrics.reencoded(renewed, refused)
        return anew

    def _keys(self, prospect_id: str) -> tuple[str, str]:
        hidden = self._pseudonyms.of(prospect_id)
        return f"{self._prefix}f:{hidden}", f"{self._prefix}v:{hidden}"


def _accepted(contract: Contract, features: Mapping[str, Scalar]) -> tuple[Vector, int]:
    """Encode what the contract accepts of raw features that another contract may have accepted; count the rest."""
    x, refused = contract.blank(), 0
    for name, value in features.items():
        try:
            if name in contract.positions:
                contract.write(x, name, value)
        except FeatureError:
            refused += 1
        refused += name not in contract.positions
    return x, refused


def _revision() -> bytes:
    """A new one for every write: a counter would start again after DELETE and let an old vector pass for a new one."""
    return secrets.token_bytes(8)


def _mark(contract: Contract) -> bytes:
    return bytes.fromhex(contract.hash.removeprefix("sha256:")[:16])


def _pack(contract: Contract, as_of: float, x: Vector) -> bytes:
    return HEAD.pack(_mark(contract), as_of) + x.astype("<f4").tobytes()


def _unpack(contract: Contract, mark: bytes, vector: bytes | None) -> Stored | Barred | None:
    """The vector or the bar, or None when there is none or it is of another contract, whose mark differs."""
    if vector is None or len(vector) != HEAD.size + 4 * len(contract.features):
        return None if vector is None else BARS.get(vector)
    found, as_of = HEAD.unpack_from(vector)
    return Stored(np.frombuffer(vector, "<f4", offset=HEAD.size), as_of) if found == mark else None
