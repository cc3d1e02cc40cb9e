"""Calibration: whether as many customers churn as the model says, by risk and by group."""

from __future__ import annotations

import msgspec


class Decile(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the customers by predicted risk; number 1 holds the riskiest.

    customers: how many. mean_risk: predicted within the horizon. kaplan_meier: churned within the horizon; low, high:
    its 95 % Clopper-Pearson interval on the n that Greenwood's variance is worth. holds: mean_risk lies between them.
    All four are None where nobody was at risk up to the horizon. Shares are 0..1.
    """

    number: int
    customers: int
    mean_risk: float
    kaplan_meier: float | None
    low: float | None
    high: float | None
    holds: bool | None


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """Of the customers sorted by predicted risk, the first `share`.

    churn_share: how much of all churn within the horizon they are, 0..1 (the gains curve). lift: their churn within the
    horizon over everybody's.
    """

    share: float
    churn_share: float
    lift: float


class GroupCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """Events among the customers of whom `column` is `value`, within T periods and while at risk.

    ratio: expected over observed with its 95 % bootstrap interval low..high; None where nobody churned.
    """

    column: str
    value: str
    customers: int
    expected_events: float
    observed_events: float
    ratio: float | None
    low: float | None
    high: float | None
