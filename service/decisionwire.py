"""The wire of decisions and outcomes: what requests hold, every malformed one being one `BadInput` with a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import parse_qsl

import msgspec

from service.errors import BadInput
from service.ledger.records import CHOICES, Became, Choice, Decision, Kind, Outcome, Place, Wanted
from service.wire import CLOCKS_APART, EPOCH, check_id, read_as

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_USER = "[A-Za-z0-9._:-]{1,128}"
REASON_MAX = 500
KEY_MAX = 255
KEY = "Idempotency-Key"
LIMIT_MAX = 500

DecisionId = Annotated[str, msgspec.Meta(pattern=f"^{_UUID}$")]
User = Annotated[str, msgspec.Meta(pattern=f"^{_USER}$")]
Reason = Annotated[str, msgspec.Meta(max_length=REASON_MAX, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*$")]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class DecisionRequest(msgspec.Struct, frozen=True):
    """What a rep did about an assessment.

    `user` is an id that means nothing outside the CRM: letters, digits and `._:-`. `reason` is needed to proceed where
    the assessment said `do_not_chase`; name nobody in it.
    """

    decision_id: DecisionId
    choice: Choice
    user: User
    reason: Reason | None = None


class OutcomeRequest(msgspec.Struct, frozen=True):
    """What became of a prospect, when, and what it has brought so far, in the book's currency."""

    prospect_id: str
    outcome: Became
    at: Time
    value: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)] | None = None


_decision = msgspec.json.Decoder(DecisionRequest)
_outcome = msgspec.json.Decoder(OutcomeRequest)
PLACE = rf"[0-9]{{1,15}}\.(assessment\.{_UUID}|(decision|outcome)\.[0-8][0-9]{{18}})"
"""Where a history goes on: time, kind and id of the last event of a page."""


def read_decision(body: bytes) -> Decision:
    """The decision in `body`.

    Raises:
        BadInput: it does not read, or names a person.
    """
    sent = read_as(_decision, body, "$")
    if sent.user.endswith("\n") or sent.decision_id.endswith("\n"):  # which `$` passes over
        raise BadInput("$", "expected no line's end in an id")
    return Decision(sent.decision_id, sent.choice, (sent.reason or "").strip() or None, sent.user)


def read_outcome(body: bytes, now: datetime) -> tuple[str, Outcome]:
    """The prospect's id and the outcome in `body`.

    Raises:
        BadInput: it does not read, or is of a time to come or before 1970.
    """
    sent = read_as(_outcome, body, "$")
    check_id(sent.prospect_id, "$.prospect_id")
    if not EPOCH <= sent.at <= now + CLOCKS_APART:
        raise BadInput("$.at", "expected a time from 1970 to now")
    return sent.prospect_id, Outcome(sent.outcome, milliseconds(sent.at), sent.value)


def read_key(headers: Mapping[bytes, bytes]) -> str:
    """The request's idempotency key.

    Raises:
        BadInput: there is none, or one that is too long or not ASCII.
    """
    key = headers.get(KEY.lower().encode(), b"").decode("latin-1")
    if re.fullmatch(f"[!-~]{{1,{KEY_MAX}}}", key) is None:
        raise BadInput(KEY, f"expected this header: 1 to {KEY_MAX} visible ASCII characters, new for every decision")
    return key


class Query:
    """The parameters of a list.

    Raises:
        BadInput: one that we do not know.
    """

    def __init__(self, query_string: bytes, known: tuple[str, ...]) -> None:
        self._given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        for name in self._given:
            if name not in known:
                raise BadInput("?", f"expected none but {', '.join(known)}")

    def limit(self) -> int:
        """How many at most; 100 unless told otherwise."""
        text = self._given.get("limit", "100")
        if re.fullmatch("[0-9]{1,3}", text) is None or not 1 <= int(text) <= LIMIT_MAX:
            raise BadInput("?limit", f"expected a whole number from 1 to {LIMIT_MAX}")
        return int(text)

    def place(self) -> Place | None:
        """Where a history goes on."""
        if (text := self._given.get("before")) is None:
            return None
        if re.fullmatch(PLACE, text) is None:
            raise BadInput("?before", "expected the `next` of the page before")
        at_ms, kind, own = text.split(".")
        return Place(int(at_ms), cast("Kind", kind), own)

    def row(self) -> int | None:
        """Where a list of decisions goes on."""
        if (text := self._given.get("before")) is None:
            return None
        if re.fullmatch("[0-9]{1,18}", text) is None:
            raise BadInput("?before", "expected the `next` of the page before")
        return int(text)

    def wanted(self) -> Wanted:
        """Which decisions."""
        choice: Any = self._given.get("choice")
        if choice is not None and choice not in CHOICES:
            raise BadInput("?choice", f"expected one of {', '.join(CHOICES)}")
        user = self._given.get("user")
        if user is not None and re.fullmatch(_USER, user) is None:
            raise BadInput("?user", "expected an opaque id: 1 to 128 letters, digits and ._:-")
        return Wanted(self._time("since"), self._time("until"), user, choice)

    def _time(self, name: str) -> int | None:
        if (text := self._given.get(name)) is None:
            return None
        try:
            return milliseconds(msgspec.convert(text.replace(" ", "+"), Time))
        except msgspec.ValidationError:
            raise BadInput(f"?{name}", "expected a time such as 2026-11-21T02:00:00Z") from None


def milliseconds(at: datetime) -> int:
    """A time as the ledger keeps it."""
    return round(at.timestamp() * 1000)
