"""The leak guard: features that know what no lead can tell are found before anything is fitted."""

from __future__ import annotations

from typing import Literal

import msgspec

Test = Literal["accumulates", "known_later", "snapshot", "drifts", "predicts_alone", "one_sided", "name"]
Verdict = Literal["ok", "warn", "stop", "allowed"]


class Evidence(msgspec.Struct, frozen=True):
    """What one test found. `figures` are shares or correlations, 0..1; `en` and `ja` say them in a sentence."""

    test: Test
    verdict: Literal["warn", "stop"]
    figures: dict[str, float]
    en: str
    ja: str


class FeatureLeaks(msgspec.Struct, frozen=True):
    """The verdict on one feature; `evidence` is empty where it is `ok`. `reason` is the book's `allow_leak`."""

    feature: str
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    reason: str | None = None


class Leaks(msgspec.Struct, frozen=True):
    """The verdicts in the order of the contract. `churned`, `still_here`: customers looked at, at random if more."""

    features: tuple[FeatureLeaks, ...]
    churned: int
    still_here: int
