"""Comparison: the model beside what others would fit, on the same splits in one run."""

from __future__ import annotations

import msgspec

from training.holdout import Split
from training.measure import Figure


class PeerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model: its metrics, the mean over the splits, and how it differs from ours.

    fit_seconds: mean per split, settings included. mean_risk: predicted within the horizon. The figures called loss say
    by how much ours is worse, negative where it is better (for the Brier score too), with a 95 % interval by customer
    bootstrap, paired; None for ours itself, and where a metric is not defined.
    """

    name: str
    fit_seconds: float
    mean_risk: float
    c_index_ipcw: float | None
    auc_at_horizon: float | None
    brier_at_horizon: float | None
    integrated_brier: float | None
    loss_c_index_ipcw: Figure | None
    loss_auc_at_horizon: Figure | None
    loss_integrated_brier: Figure | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Our model, first, and its peers.

    fingerprint: of the customers compared on, see `fingerprint`. customers: in the book; compared: of them, at random,
    took part. splits: how many. kaplan_meier_churn: share that churned within the horizon, mean over the splits.
    left_out: peers that could not be fitted, and why.
    """

    name: str
    fingerprint: str
    customers: int
    compared: int
    split: Split
    splits: int
    horizon: int
    tau: int
    kaplan_meier_churn: float
    rows: tuple[PeerRow, ...]
    left_out: dict[str, str]
