"""What goes into the ledger and comes out of it, as plain values; times are milliseconds since 1970."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import msgspec

Choice = Literal["declined", "proceeded", "review"]
CHOICES: tuple[Choice, ...] = get_args(Choice)

Became = Literal["won", "lost", "stayed", "churned"]


Kind = Literal["assessment", "decision", "outcome"]


class Decision(msgspec.Struct, frozen=True):
    """What a rep did about an assessment; `user` is an id that means nothing outside the CRM."""

    decision_id: str
    choice: Choice
    reason: str | None
    user: str


class Wanted(msgspec.Struct, frozen=True):
    """Which decisions: made from `since_ms` until before `until_ms`, by `user`, of this `choice`; None: any."""

    since_ms: int | None = None
    until_ms: int | None = None
    user: str | None = None
    choice: Choice | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a prospect at `at_ms`; `value` is what it brought, where that is known."""

    outcome: Became
    at_ms: int
    value: float | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A decision beside the assessment it was made on, and the newest outcome after it.

    action: what the policy decided. shown: what the rep saw. propensity: probability of that.
    """

    id: int
    decision_id: str
    subject: str
    choice: Choice
    reason: str | None
    user: str
    decided_ms: int
    scored_ms: int
    score: float
    band: str
    action: str
    shown: str
    held_out: bool
    propensity: float
    rule: str
    reasons: list[Any]
    model: str
    version: str
    net_value: float | None
    pltv: float | None = None
    pltv_to_cpa: float | None = None
    currency: str | None = None
    outcome: Became | None
    outcome_ms: int | None
    outcome_value: float | None


class Place(NamedTuple):
    """Where an event stands among all of its prospect's."""

    at_ms: int
    kind: Kind
    id: str


class Event(msgspec.Struct, frozen=True):
    """One entry of a prospect's history: an assessment, a decision or an outcome, and what the ledger holds of it."""

    kind: Kind
    at_ms: int
    id: str
    content: dict[str, Any]
