"""The leak guard: features that know what no lead can have are found before anything is fitted.

Every feature is put to the tests of `leaktests`. One that stops may pass if the book says why (`allow_leak`).
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import polars as pl

from models.contract import Contract, Feature, Vector
from training.audit.association import Bools
from training.audit.leaktests import Customers, Evidence, run_tests
from training.errors import DataError
from training.evaluation.metrics import Weighed
from training.model.personperiods import Ints
from training.reading.book import Book
from training.reading.lifetimes import Lifetimes, gone

__all__ = ["Evidence", "FeatureLeaks", "Leaks", "check_leaks", "refuse_leaks"]

Verdict = Literal["ok", "warn", "stop", "allowed"]

LOOKED_AT = 20_000
"""Customers who left, and customers still here, that are looked at, at random if there are more."""

COHORTS, PER_COHORT = 20, 30
"""Sign-up cohorts of equal size, fewer where fewer customers than so many left in each."""


class FeatureLeaks(msgspec.Struct, frozen=True):
    """The verdict on one feature; `evidence` is empty where it is `ok`. `reason` is the book's `allow_leak`."""

    feature: str
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    reason: str | None = None


class Leaks(msgspec.Struct, frozen=True):
    """The verdicts in the order of the contract. `left`, `still_here`: customers looked at, at random if more."""

    features: tuple[FeatureLeaks, ...]
    left: int
    still_here: int


def check_leaks(book: Book, frame: pl.DataFrame, contract: Contract, x: Vector, lives: Lifetimes) -> Leaks:
    """Put every feature to the tests.

    Args:
        book: says which leaks are allowed, and where the dates are.
        frame: its clean customers.
        contract: their features.
        x: the customers encoded, [n, F].
        lives: what became of them.
    """
    chosen, customers = _customers(book, frame, lives)
    rows = tuple(
        _judge(feature, run_tests(feature, x[chosen, position], customers), book.allow_leak.get(feature.sent_as))
        for position, feature in enumerate(contract.features)
    )
    return Leaks(rows, left=int((~customers.here).sum()), still_here=int(customers.here.sum()))


def refuse_leaks(leaks: Leaks, book: Book) -> None:
    """Stop where a feature knows what no lead can have.

    Raises:
        DataError: the features, the evidence, and the remedy.
    """
    stopped = [row for row in leaks.features if row.verdict == "stop"]
    if stopped:
        found = "; ".join(one.en for row in stopped for one in row.evidence)
        raise DataError(
            f"{book.source.data}: {', '.join(row.feature for row in stopped)}: tells what no lead can know: {found}. "
            f"Take it out of [features] in {book.path}, or, if every lead has it before it signs, add to its row there"
            ' allow_leak = "the reason"'
        )


def _judge(feature: Feature, evidence: tuple[Evidence, ...], reason: str | None) -> FeatureLeaks:
    """A name alone only warns; one that speaks of what another test has found stops."""
    found = [one for one in evidence if one.test != "drifts"]
    named = any(one.test == "name" for one in found)
    stops = any(one.verdict == "stop" for one in found) or (named and len(found) > 1)
    verdict: Verdict = "ok"
    if evidence:
        verdict = "stop" if stops else "warn"
        verdict = "allowed" if reason else verdict
    return FeatureLeaks(feature.name, verdict, evidence, reason)


def _customers(book: Book, frame: pl.DataFrame, lives: Lifetimes) -> tuple[Ints, Customers]:
    """Positions of those who are looked at, and what the tests need to know of them."""
    here, left = ~gone(book, frame, lives), lives.event | lives.other_exit
    rng = np.random.default_rng(40)
    parts = [rng.permutation(np.flatnonzero(which))[:LOOKED_AT] for which in (here, left)]
    chosen = np.sort(np.concatenate(parts))
    sizes = np.where(here[chosen], here.sum() / max(len(parts[0]), 1), left.sum() / max(len(parts[1]), 1))
    horizon = book.lifetime.horizons[0]
    known = Weighed.over(lives, np.ones((len(lives), 1)), horizon)
    certain = np.zeros(len(lives))
    for who, mass in (known.churned(horizon), known.stayed(horizon)):
        certain[who] = mass[:, 0]
    return chosen, Customers(
        exit=lives.exit[chosen],
        churned=lives.event[chosen],
        here=here[chosen],
        cohort=_cohorts(book, frame, chosen, here),
        weight=sizes,
        horizon=horizon,
        certain=np.nan_to_num(certain[chosen]),
    )


def _cohorts(book: Book, frame: pl.DataFrame, chosen: Ints, here: Bools) -> Ints:
    """Which sign-up cohort each customer belongs to; one for all where no dates are known."""
    if book.lifetime.start is None:
        return np.zeros(len(chosen), dtype=np.int64)
    days = frame[book.lifetime.start].to_physical().to_numpy()[chosen]
    count = int(np.clip((~here[chosen]).sum() // PER_COHORT, 1, COHORTS))
    return np.searchsorted(np.quantile(days, np.arange(1, count) / count), days).astype(np.int64)
