"""What each feature is worth: how much worse customers are predicted by a model fitted without it."""

from __future__ import annotations

import msgspec


class FeatureWorth(msgspec.Struct, frozen=True):
    """What is lost without one feature, each with its 95 % interval, paired by customer; above 0: it helps.

    deviance: -2 log likelihood per customer. auc: of the churn within the horizon, censoring weighted out, 0..1.
    """

    feature: str
    deviance: float
    deviance_low: float
    deviance_high: float
    auc: float
    auc_low: float
    auc_high: float


class Worth(msgspec.Struct, frozen=True):
    """Features by what they are worth, most first.

    deviance, auc: held-out, with all features. customers: how many were looked at, at random if the book has more.
    untried: features that were too many to be tried, those of the least effect.
    """

    features: tuple[FeatureWorth, ...]
    deviance: float
    auc: float
    customers: int
    untried: tuple[str, ...] = ()
