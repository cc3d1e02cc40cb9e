"""Scoring: gather what is stored and sent, assess all prospects at once, answer each."""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models.assess import Assessor
from models.contract import Vector, normalize
from models.errors import FeatureError, MoneyError, nearest
from models.money import BOUNDS
from service.answers import About, Answer, Style, answers
from service.errors import BadInput, ServiceError, StoreUnavailable, key_path
from service.features import FeatureStore, Stored
from service.metrics import Metrics
from service.wire import MoneyScalar, ScoreRequest

TEXT_MAX = 256
"""Characters of a segment's value: no book has longer ones, and numpy gives every row of a batch the longest's room."""


class Scoring:
    """Scores prospects whose features may be stored, sent, or both."""

    def __init__(self, features: FeatureStore, metrics: Metrics) -> None:
        self._features = features
        self._metrics = metrics

    async def score(
        self, assessor: Assessor, requests: Sequence[tuple[ScoreRequest, str]], style: Style, now: datetime
    ) -> list[Answer | ServiceError]:
        """An answer or a refusal for each request, in their order.

        Args:
            assessor: the model and policy that answer all of them.
            requests: each with its path in the body, which a refusal names.
            style: language and reasons.
            now: when they are scored; dates are seen from its day in UTC.
        """
        stored, unavailable = await self._stored(assessor, [request for request, _ in requests])
        outcomes: list[Answer | ServiceError] = []
        rows: list[Vector] = []
        money: list[dict[str, MoneyScalar]] = []
        about: list[About] = []
        places: list[int] = []
        for place, ((request, at), found) in enumerate(zip(requests, stored, strict=True)):
            try:
                x = encode(assessor, request, found.x if found else None, at)
                terms = checked_money(assessor, request.value, f"{at}.value")
            except BadInput as error:
                outcomes.append(error)
                continue
            rows.append(x)
            money.append(terms)
            as_of = None if found is None else rfc3339(datetime.fromtimestamp(found.as_of, UTC))
            about.append(About(request.prospect_id, decision_id(now), rfc3339(now), as_of, unavailable))
            places.append(place)
            outcomes.append(_PENDING)
        if rows:
            columns, sent = money_columns(assessor, money)
            x = assessor.contract.as_of(np.stack(rows), now.date())
            found_all = assessor.assess(x, columns, sent)
            for place, answer in zip(places, answers(assessor, found_all, about, style), strict=True):
                outcomes[place] = answer
                self._metrics.assessed(answer.action, answer.risk.band, answer.degraded_because)
        return outcomes

    async def _stored(self, assessor: Assessor, requests: Sequence[ScoreRequest]) -> tuple[list[Stored | None], bool]:
        """What the store holds for each request, and whether it failed to tell."""
        try:
            found = await self._features.vectors([request.prospect_id for request in requests], assessor.contract)
        except StoreUnavailable:
            return [None] * len(requests), True
        return found, False


_PENDING = ServiceError("not assessed")


def encode(assessor: Assessor, request: ScoreRequest, stored: Vector | None, at: str) -> Vector:
    """The request's features over the stored ones. Shape [F].

    Raises:
        BadInput: a feature that the contract refuses.
    """
    try:
        return assessor.contract.encode(request.features, onto=stored)
    except FeatureError as error:
        raise BadInput(key_path(f"{at}.features", error.name), error.reason) from None


def checked_money(assessor: Assessor, value: dict[str, MoneyScalar], at: str) -> dict[str, MoneyScalar]:
    """The money that was sent with a prospect, each entry a term in its bounds or a column that the book's terms read.

    Raises:
        BadInput: another name, or a value that it does not take.
    """
    terms = assessor.bundle.manifest.money
    columns = terms.columns - assessor.contract.index.keys()
    checked: dict[str, MoneyScalar] = {}
    for name, number in value.items():
        path = key_path(at, name)
        if name not in BOUNDS and name not in columns:
            raise BadInput(path, f"is not a money term{nearest(name, (*BOUNDS, *columns))}")
        if number is None:
            continue
        if (name in BOUNDS or name in terms.amounts) and (isinstance(number, bool | str) or not math.isfinite(number)):
            raise BadInput(path, "expected a finite number")
        if isinstance(number, str) and len(number) > TEXT_MAX:
            raise BadInput(path, f"expected at most {TEXT_MAX} characters")
        try:
            if name in BOUNDS:
                checked[name] = terms.check(name, number)  # type: ignore[arg-type]
            else:
                checked[name] = terms.check_column(name, number) if name in terms.amounts else number  # type: ignore[arg-type]
        except MoneyError as error:
            raise BadInput(path, error.reason) from None
    return checked


def money_columns(
    assessor: Assessor, money: Sequence[dict[str, MoneyScalar]]
) -> tuple[dict[str, NDArray[np.generic]], dict[str, NDArray[np.float64]]]:
    """Checked money of n prospects as `Assessor.assess` takes it: columns that the book reads, and terms sent."""
    terms_read = assessor.bundle.manifest.money
    columns: dict[str, NDArray[np.generic]] = {}
    for name in terms_read.columns - assessor.contract.index.keys() - BOUNDS.keys():
        if name in terms_read.amounts:
            columns[name] = np.array([terms.get(name, math.nan) for terms in money], dtype=np.float64)
        else:
            columns[name] = np.array([_spelled(terms.get(name)) for terms in money])
    sent_names = {name for terms in money for name in terms if name in BOUNDS}
    sent = {name: np.array([terms.get(name, math.nan) for terms in money], dtype=np.float64) for name in sent_names}
    return columns, sent


def _spelled(value: MoneyScalar) -> str:
    """A segment's value as the book's TOML key spells it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return normalize(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def rfc3339(at: datetime) -> str:
    """A time in UTC, as the answers write it: `2026-11-21T02:00:00.123Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decision_id(now: datetime) -> str:
    """A UUID of version 7 (RFC 9562): unique, and sorted by time."""
    ms = int(now.timestamp() * 1000)
    random = int.from_bytes(secrets.token_bytes(10))
    return str(uuid.UUID(int=ms << 80 | 7 << 76 | (random >> 68) << 64 | 2 << 62 | random & (1 << 62) - 1))
