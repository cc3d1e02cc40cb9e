"""Recording: what was answered goes to the store before the answers go out, and waits there for the ledger.

    gk:{tenant}:a   stream; an entry's field `run` is one `Run`, the answers of one run of the model, as MessagePack

Nobody waits for the store's reply: the command is in the system's hands before the first answer is written, so that a
worker that is killed has lost nothing. What a store that is down has not taken is held in memory and sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from models.assess import Assessments
from models.contract import Scalar
from models.policy import ACTIONS, Action
from service.answers import Answer
from service.errors import StoreUnavailable
from service.metrics import Metrics
from service.store import Store

FIELD = b"run"

HELD = 256
"""Runs that are held for a store that is down: up to 16,384 answers, 6 MB; then the oldest are given up and counted."""

RESEND_S = 0.25
"""Between attempts, as between the probes of such a store; and between looks at how much waits in the stream."""


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answer as it is kept: all of it that is not made of the rest, and no word of whose it is.

    subject: the HMAC of the prospect's id. risk, value: the fields of the answer's, in their order.
    action: what the policy decided. shown: what was answered, with probability `propensity`.
    reasons: feature, value and points.
    """

    subject: str
    decision_id: str
    risk: tuple[Any, ...]
    value: tuple[Any, ...]
    ltv_minus: bool | None
    cause: str | None
    action: Action
    shown: Action
    propensity: float
    rule: str | None
    capped: bool
    reasons: list[tuple[str, Scalar, float]]
    missing: list[str]
    unknown: list[str]
    out_of_range: list[str]
    features_as_of: str | None
    degraded: str | None


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one run of the model answered. Fields are told by their place: new ones go last, with a default.

    model: name, version, hash of the contract, hash of the policy. scored_at: RFC 3339.
    x: the features that the model saw, float32 [n, F], little-endian, a row for each of the n `kept`.
    """

    model: tuple[str, str, str, str]
    scored_at: str
    x: bytes
    kept: list[Kept]


_encode = msgspec.msgpack.Encoder().encode
read_run = msgspec.msgpack.Decoder(Run).decode


def stream_key(tenant: str) -> str:
    """Where assessments wait."""
    return f"gk:{tenant}:a"


class Recording:
    """Hands answers to the store.

    Args:
        store: where they wait.
        tenant: part of the stream's key.
        metrics: where answers are counted that were given up.
    """

    def __init__(self, store: Store, tenant: str, metrics: Metrics) -> None:
        self._store = store
        self.key = stream_key(tenant)
        self._metrics = metrics
        self._held: deque[tuple[bytes, int]] = deque()

    def record(
        self, found: Assessments, given: Sequence[Answer], subjects: Sequence[str], propensities: Sequence[float]
    ) -> None:
        """Send a run's answers; returns at once.

        Args:
            found: what was assessed, with the actions that the policy decided.
            given: the answer to each of `found`, with the action that is shown.
            subjects: HMAC of the id of each.
            propensities: probability of what is shown to each.
        """
        kept = [
            Kept(
                subject,
                answer.decision_id,
                astuple(answer.risk),  # type: ignore[arg-type]  # who was not assessed is not among them
                astuple(answer.value),  # type: ignore[arg-type]
                answer.ltv_minus,
                answer.cause,
                ACTIONS[action],
                answer.action,
                propensity,
                answer.rule,
                answer.capped,
                [(reason.feature, reason.value, reason.points) for reason in answer.reasons],
                answer.missing,
                answer.unknown,
                answer.out_of_range,
                answer.features_as_of,
                answer.degraded_because,
            )
            for subject, answer, action, propensity in zip(
                subjects, given, found.action.tolist(), propensities, strict=True
            )
        ]
        model: tuple[str, str, str, str] = astuple(given[0].model)
        run = Run(model, given[0].scored_at, np.ascontiguousarray(found.x, "<f4").tobytes(), kept)
        content = _encode(run)
        self._store.tell("XADD", self.key, "*", FIELD, content, failed=lambda: self._hold(content, len(kept)))

    async def resend(self) -> None:
        """Send what is held, as far as the store takes it now.

        What it took before, without saying so, is recorded once all the same: the ledger goes by the decision's id.
        """
        while self._held:
            content, count = self._held.popleft()
            try:
                await self._store.run(self._store.client.xadd(self.key, {FIELD: content}))
            except StoreUnavailable:
                self._held.appendleft((content, count))
                return

    async def follow(self) -> None:
        """Send what is held again and again, and count what waits for the ledger, until cancelled."""
        while True:
            await asyncio.sleep(RESEND_S)
            if not self._store.given_up:
                await self.resend()
                with contextlib.suppress(StoreUnavailable):  # then the last count stands
                    self._metrics.undrained(await self._store.run(self._store.client.xlen(self.key)))

    def _hold(self, content: bytes, count: int) -> None:
        self._held.append((content, count))
        if len(self._held) > HELD:
            self._metrics.unrecorded(self._held.popleft()[1])
