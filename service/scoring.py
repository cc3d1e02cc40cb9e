"""Scoring: what is asked is checked alone; then gather what is stored, assess all at once, answer each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from models.assess import Assessments, Assessor
from models.errors import FeatureError
from service.answers import About, Answer, Style, answers
from service.bars import Barred
from service.errors import BadInput, StoreUnavailable, key_path
from service.features import CHUNK, FeatureStore, Found, Stored
from service.holdout import Holdout
from service.ids import decision_ids
from service.metrics import Metrics
from service.recording import Recording
from service.sentmoney import checked_money, money_columns
from service.unscored import not_scored
from service.wire import MoneyScalar, ScoreRequest


class Asked(msgspec.Struct, frozen=True):
    """A prospect to score, checked: nothing in it can fail the others that are scored with it.

    codes: columns of the encoded vector that the request fills, over those stored.
    """

    prospect_id: str
    codes: list[tuple[int, float]]
    money: dict[str, MoneyScalar]
    style: Style


def checked(assessor: Assessor, request: ScoreRequest, style: Style, at: str = "$") -> Asked:
    """The request, which lies at the path `at` of its body, as `assessor` takes it.

    Raises:
        BadInput: a feature that the contract refuses, or money that is none.
    """
    codes: list[tuple[int, float]] = []
    try:
        for name, value in request.features.items():
            codes += assessor.contract.codes(name, value)
    except FeatureError as error:
        raise BadInput(key_path(f"{at}.features", error.name), error.reason) from None
    money = checked_money(assessor, request.value, f"{at}.value") if request.value else request.value
    return Asked(request.prospect_id, codes, money, style)


class Run(NamedTuple):
    """One run of the model: what was found, what is answered, to whose HMACs, and how likely that is what is shown."""

    found: Assessments
    given: list[Answer]
    subjects: list[str]
    propensities: list[float]


class Scoring:
    """Scores prospects whose features may be stored, sent, or both, and records what it answers."""

    def __init__(self, features: FeatureStore, holdout: Holdout, recording: Recording, metrics: Metrics) -> None:
        self._features = features
        self._holdout = holdout
        self._recording = recording
        self._metrics = metrics

    async def score(self, assessor: Assessor, asked: Sequence[Asked], now: datetime) -> list[Answer]:
        """An answer for each prospect, in their order: one round trip to the store and one run of the model.

        Args:
            assessor: the model and policy that answer all of them, and checked them.
            asked: the prospects.
            now: when they are scored; dates are seen from its day in UTC.
        """
        stored = await self._stored(assessor, [each.prospect_id for each in asked])
        answer = self._some_barred if Barred in map(type, stored) else self._recorded
        given = answer(assessor, asked, stored, now)
        self._metrics.assessed(
            (each.action, each.risk.band, each.degraded_because or "no") for each in given if each.risk is not None
        )
        return given

    async def warm_up(self, assessor: Assessor, now: datetime) -> None:
        """Answer nobody, so that the first who asks finds connection, memory and caches in place."""
        nobody = checked(assessor, ScoreRequest(""), Style("en"))
        for count in (1, CHUNK):
            stored = await self._stored(assessor, [""] * count)
            msgspec.json.encode(self._assessed(assessor, [nobody] * count, stored, now).given)

    def _some_barred(
        self, assessor: Assessor, asked: Sequence[Asked], stored: Sequence[Found], now: datetime
    ) -> list[Answer]:
        """Answers where some must not be scored: the model sees nothing of them, not even what was sent along."""
        free = [row for row, known in enumerate(stored) if not isinstance(known, Barred)]
        assessed = iter(
            self._recorded(assessor, [asked[row] for row in free], [stored[row] for row in free], now) if free else ()
        )
        given, scored_at = [], rfc3339(now)
        for each, known, decision in zip(asked, stored, decision_ids(now, len(asked)), strict=True):
            if isinstance(known, Barred):
                about = About(each.prospect_id, decision, scored_at, None, store_unavailable=False, style=each.style)
                given.append(not_scored(assessor, known.why, about))
                self._metrics.not_scored(known.why)
            else:
                given.append(next(assessed))
        return given

    def _recorded(
        self, assessor: Assessor, asked: Sequence[Asked], stored: Sequence[Found], now: datetime
    ) -> list[Answer]:
        """Answers that are on their way into the ledger before anybody sees them."""
        run = self._assessed(assessor, asked, stored, now)
        self._recording.record(*run)
        return run.given

    def _assessed(self, assessor: Assessor, asked: Sequence[Asked], stored: Sequence[Found], now: datetime) -> Run:
        x = np.empty((len(asked), len(assessor.contract.features)), dtype=np.float32)
        x.fill(np.nan)
        for row, (each, known) in enumerate(zip(asked, stored, strict=True)):
            if isinstance(known, Stored):
                x[row] = known.x
            for position, code in each.codes:
                x[row, position] = code
        columns, sent = money_columns(assessor, [each.money for each in asked])
        found = assessor.assess(assessor.contract.as_of(x, now.date()), columns, sent)
        scored_at = rfc3339(now)
        about = [
            About(
                each.prospect_id,
                decision,
                scored_at,
                written_at(known.as_of) if isinstance(known, Stored) else None,
                isinstance(known, StoreUnavailable),
                each.style,
            )
            for each, known, decision in zip(asked, stored, decision_ids(now, len(asked)), strict=True)
        ]
        subjects = [self._features.hidden(each.prospect_id) for each in asked]
        shown, propensities = self._holdout.shown(assessor, found, subjects)
        given = answers(assessor, found if shown is found.action else replace(found, action=shown), about)
        return Run(found, given, subjects, propensities)

    async def _stored(self, assessor: Assessor, ids: list[str]) -> Sequence[Found]:
        """What the store holds for each prospect, or that it failed to tell."""
        try:
            return await self._features.vectors(ids, assessor.contract)
        except StoreUnavailable as error:
            return [error] * len(ids)


@lru_cache(maxsize=4096)
def written_at(seconds: float) -> str:
    """A time in seconds since 1970, as the answers write it."""
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def rfc3339(at: datetime) -> str:
    """A time in UTC, as the answers write it: `2026-11-21T02:00:00.123Z`."""
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"
