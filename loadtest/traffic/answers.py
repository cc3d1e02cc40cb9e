"""What is wrong with an answer, if anything: a fast wrong answer is a failure."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

ROUNDING = 0.5001
"""`percent` is the risk in whole points; `score` has six decimals."""

Body = TypeVar("Body")


class Risk(msgspec.Struct, frozen=True):
    """The risk of an answer."""

    score: float
    percent: int
    band: Literal["low", "medium", "high"]


class Reason(msgspec.Struct, frozen=True):
    """One of the reasons of an answer."""

    feature: str
    points: float


class Answer(msgspec.Struct, frozen=True):
    """One result of `POST /v1/score`, as far as we check it."""

    prospect_id: str
    decision_id: str
    risk: Risk
    ltv_minus: bool | None
    action: Literal["proceed", "review", "do_not_chase"]
    reasons: list[Reason]
    message: str
    degraded: bool


class Failed(msgspec.Struct, frozen=True):
    """What stands in a batch for a prospect that got no answer."""

    error: dict[str, msgspec.Raw]


class _Batch(msgspec.Struct, frozen=True):
    results: list[msgspec.Raw]


class _Problem(msgspec.Struct, frozen=True):
    status: int
    title: str
    detail: str
    path: str


class _Written(msgspec.Struct, frozen=True):
    prospect_id: str
    features_as_of: str


class WrongAnswerError(Exception):
    """An answer that no client should get; the text says what is wrong with it."""


_answer = msgspec.json.Decoder(Answer)
_failed = msgspec.json.Decoder(Failed)
_batch = msgspec.json.Decoder(_Batch)
_problem = msgspec.json.Decoder(_Problem)
_written = msgspec.json.Decoder(_Written)


def scored(body: bytes | msgspec.Raw, prospect_id: str, *, known: bool) -> Answer:
    """The answer for a prospect whose features are stored, or not `known`.

    Raises:
        WrongAnswerError: it is somebody else's, contradicts itself, or is not what is known.
    """
    answer = _read(_answer, body)
    if answer.prospect_id != prospect_id:
        raise WrongAnswerError("the answer is for another prospect")
    if not 0 <= answer.risk.score <= 1 or abs(100 * answer.risk.score - answer.risk.percent) > ROUNDING:
        raise WrongAnswerError(f"a risk of {answer.risk.score} is not {answer.risk.percent}%")
    if answer.degraded is known:
        raise WrongAnswerError(f"degraded is {answer.degraded} for a prospect that is {'' if known else 'not '}known")
    if not known and answer.action == "do_not_chase":
        raise WrongAnswerError("turned away somebody of whom nothing is known")
    points = [abs(reason.points) for reason in answer.reasons]
    if not points or points != sorted(points, reverse=True):
        raise WrongAnswerError("the reasons are not there, or not in their order")
    if not (answer.decision_id and answer.message):
        raise WrongAnswerError("no decision id, or no message")
    return answer


def scored_batch(body: bytes, ids: list[str], unknown: set[int], malformed: set[int]) -> None:
    """Check each result of `POST /v1/score/batch` for the prospects `ids`; the sets hold places in it.

    Raises:
        WrongAnswerError: a result is missing, wrong, or an error where none belongs.
    """
    results = _read(_batch, body).results
    if len(results) != len(ids):
        raise WrongAnswerError(f"{len(results)} results for {len(ids)} prospects")
    for place, (result, prospect_id) in enumerate(zip(results, ids, strict=True)):
        if place in malformed:
            _read(_failed, result)
        else:
            scored(result, prospect_id, known=place not in unknown)


def stored(body: bytes, prospect_id: str) -> None:
    """Check what `PUT /v1/prospects/{id}/features` answers.

    Raises:
        WrongAnswerError: it is for somebody else.
    """
    if _read(_written, body).prospect_id != prospect_id:
        raise WrongAnswerError("another prospect's features were written")


def refused(body: bytes) -> None:
    """Check a 400: it says what is wrong, and where.

    Raises:
        WrongAnswerError: it does not.
    """
    problem = _read(_problem, body)
    if problem.status != 400 or not (problem.title and problem.detail and problem.path):
        raise WrongAnswerError("the problem does not say what is wrong, and where")


def _read(decoder: msgspec.json.Decoder[Body], body: bytes | msgspec.Raw) -> Body:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise WrongAnswerError(f"does not read: {error}") from None
