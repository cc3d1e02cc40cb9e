"""Keeping assessments: from the stream into the ledger, each once, and of the erased nothing of the person."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from models.bundle import read_manifest
from models.contract import Contract
from models.errors import BundleError
from service.answers import Risk, Worth
from service.ledger.database import Database, insert_new
from service.ledger.erasure import pseudonymise
from service.ledger.tables import assessments
from service.ledger.undrained import Undrained, Waiting
from service.recording import Kept, Run

log = structlog.get_logger()


class Keeping:
    """Takes runs out of the stream once they are on the ledger's disk.

    Args:
        database: the ledger's.
        tenant: whose rows these are.
        undrained: the stream.
        registry: where the bundles lie whose contracts name the features.
    """

    def __init__(self, database: Database, tenant: str, undrained: Undrained, registry: Path) -> None:
        self._database = database
        self._tenant = tenant
        self._undrained = undrained
        self._registry = registry
        self._contract = lru_cache(maxsize=32)(self._read_contract)

    async def keep(self, waiting: Sequence[Waiting]) -> int:
        """Insert what the runs hold unless it is there, commit, then take them out of the stream; how many there were.

        A person who is erased meanwhile is found either here, after the commit, or by the erasure itself, which has
        set its mark before it looks into the ledger.

        Raises:
            LedgerUnavailable, StoreUnavailable: the runs stay, and are kept later; what was inserted is inserted once.
        """
        subjects = {kept.subject for each in waiting for kept in each.run.kept}
        erased = await self._undrained.erased(subjects)
        rows = [row for each in waiting for row in self._rows(each.run, erased)]
        if rows:
            async with self._database.writing() as connection:
                await insert_new(connection, assessments, rows)
        if late := await self._undrained.erased(subjects) - erased:
            async with self._database.writing() as connection:
                for subject in late:
                    await pseudonymise(connection, self._tenant, subject)
        await self._undrained.settle(each.entry for each in waiting)
        return len(rows)

    async def erase(self, subject: str) -> None:
        """Take the person out of the ledger, and out of what waits for it. The person's mark is in the store already.

        Raises:
            LedgerUnavailable, StoreUnavailable: to be asked again.
        """
        if waiting := await self._undrained.of_subject(subject):
            await self.keep(waiting)
        async with self._database.writing() as connection:
            await pseudonymise(connection, self._tenant, subject)
        await self._database.forget()

    def _rows(self, run: Run, erased: Collection[str]) -> list[dict[str, Any]]:
        name, version, contract_hash, policy = run.model
        contract = self._contract(name, version)
        scored_ms = _milliseconds(run.scored_at)
        shared = {
            "tenant": self._tenant,
            "scored_ms": scored_ms,
            "model": name,
            "version": version,
            "contract": contract_hash,
            "policy": policy,
        }
        x = np.frombuffer(run.x, "<f4").reshape(len(run.kept), -1).tolist()
        return [
            {**shared, **_row(kept, _features(contract, codes), erased=kept.subject in erased)}
            for kept, codes in zip(run.kept, x, strict=True)
        ]

    def _read_contract(self, name: str, version: str) -> Contract | None:
        try:
            return read_manifest(self._registry / name / version).contract
        except BundleError as error:
            log.error("ledger.features_lost", version=version, why=str(error))  # noqa: TRY400
            return None


def _features(contract: Contract | None, codes: list[float]) -> dict[str, Any] | None:
    if contract is None or len(contract.names) != len(codes):
        return None
    return {name: contract.raw(place, codes[place]) for place, name in enumerate(contract.names)}


def _row(kept: Kept, features: dict[str, Any] | None, *, erased: bool) -> dict[str, Any]:
    risk = dict(zip(Risk.__struct_fields__, kept.risk, strict=False))  # a worker of another version may know more
    reasons = [{"feature": name, "value": value, "points": points} for name, value, points in kept.reasons]
    return {
        "decision_id": kept.decision_id,
        "subject": secrets.token_hex(16) if erased else kept.subject,
        "features": None if erased else features,
        "score": risk["score"],
        "band": risk["band"],
        "risk": risk,
        "value": dict(zip(Worth.__struct_fields__, kept.value, strict=False)),
        "ltv_minus": kept.ltv_minus,
        "cause": kept.cause,
        "action": kept.action,
        "shown": kept.shown,
        "held_out": kept.shown != kept.action,
        "propensity": kept.propensity,
        "rule": kept.rule,
        "capped": kept.capped,
        "reasons": [{**reason, "value": None} for reason in reasons] if erased else reasons,
        "evidence": {
            "missing": kept.missing,
            "unknown": kept.unknown,
            "out_of_range": kept.out_of_range,
            "degraded": kept.degraded,
            "features_as_of": kept.features_as_of,
        },
        "erased": erased,
    }


def _milliseconds(rfc3339: str) -> int:
    return round(datetime.fromisoformat(rfc3339).timestamp() * 1000)
