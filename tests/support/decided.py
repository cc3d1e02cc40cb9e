"""Decisions as the ledger tells them."""

from __future__ import annotations

from typing import Any

from service.ledger.records import Row


def row(number: int, **more: Any) -> Row:
    """A decline of somebody who was warned of; a larger number is a newer decision."""
    plain: dict[str, Any] = {
        "id": number,
        "decision_id": f"d-{number}",
        "subject": f"s-{number}",
        "choice": "declined",
        "reason": None,
        "user": "u-1",
        "decided_ms": number,
        "scored_ms": number,
        "score": 0.8,
        "band": "high",
        "action": "do_not_chase",
        "shown": "do_not_chase",
        "held_out": False,
        "propensity": 1.0,
        "rule": "default-do-not-chase",
        "reasons": [],
        "model": "book",
        "version": "v",
        "net_value": -10.0,
        "outcome": None,
        "outcome_ms": None,
        "outcome_value": None,
    }
    return Row(**{**plain, **more})
