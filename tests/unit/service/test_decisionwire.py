"""The wire of decisions: what is malformed is refused, with the path where it lies, and names nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from service.decisionwire import Query, read_decision, read_key, read_outcome
from service.errors import BadInput

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
DECISION = {"decision_id": "01890a5d-ac96-774b-bcce-b302099a8057", "choice": "declined", "user": "u-7"}
OUTCOME = {"prospect_id": "L-1001", "outcome": "won", "at": "2026-01-05T00:00:00Z"}


def test_a_decision_reads_and_a_blank_reason_is_none() -> None:
    for reason, read in ((None, None), ("  ", None), (" too\nsmall ", "too\nsmall"), ("小さすぎる", "小さすぎる")):
        assert read_decision(msgspec.json.encode({**DECISION, "reason": reason})).reason == read


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"decision_id": "x"}, "$.decision_id"),
        ({"decision_id": DECISION["decision_id"] + "\n"}, "$"),
        ({"choice": "won"}, "$.choice"),
        ({"user": "taro@example.com"}, "$.user"),
        ({"user": "u-7\n"}, "$"),
        ({"user": ""}, "$.user"),
        ({"user": "u" * 129}, "$.user"),
        ({"reason": "a\x00b"}, "$.reason"),
        ({"reason": "x" * 501}, "$.reason"),
    ],
)
def test_what_is_no_decision_is_refused_with_a_path(changed: dict[str, str], path: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_decision(msgspec.json.encode({**DECISION, **changed}))
    assert refused.value.path == path
    assert "taro" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"at": "2026-01-05"}, "$.at"),
        ({"at": "2026-01-05T00:00:00"}, "$.at"),
        ({"at": "9999-01-05T00:00:00Z"}, "$.at"),
        ({"at": "0001-01-01T00:00:00Z"}, "$.at"),
        ({"outcome": "maybe"}, "$.outcome"),
        ({"value": 1e300}, "$.value"),
        ({"prospect_id": ""}, "$.prospect_id"),
    ],
)
def test_what_is_no_outcome_is_refused_with_a_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_outcome(msgspec.json.encode({**OUTCOME, **changed}), NOW)
    assert refused.value.path == path


def test_an_outcome_tells_its_time_in_milliseconds_wherever_it_was_noted() -> None:
    _, outcome = read_outcome(msgspec.json.encode({**OUTCOME, "at": "2026-01-05T09:00:00.5+09:00"}), NOW)
    assert outcome.at_ms == datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000 + 500


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", "鍵".encode(), b"a\x00"])
def test_what_is_no_idempotency_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadInput):
        read_key({b"idempotency-key": key})


@pytest.mark.parametrize(
    "query", ["since=yesterday", "since=2026-01-05T00:00:00", "choice=won", "user=a%20b", "before=x", "pages=2"]
)
def test_what_asks_for_no_decisions_is_refused(query: str) -> None:
    def ask() -> None:
        asked = Query(query.encode(), ("since", "choice", "user", "before"))
        asked.wanted()
        asked.row()

    with pytest.raises(BadInput):
        ask()


@pytest.mark.parametrize("place", ["x", "1.note.1", "1.decision.ff", "1.outcome." + "1" * 20, "1.assessment.1\n"])
def test_what_is_no_place_in_a_history_is_refused(place: str) -> None:
    with pytest.raises(BadInput):
        Query(f"before={place}".encode(), ("before",)).place()


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1.5", "\uff11"])
def test_what_is_no_limit_is_refused(limit: str) -> None:
    with pytest.raises(BadInput):
        Query(f"limit={limit}".encode(), ("limit",)).limit()
