"""Which features stand in for a protected column, and how much of the gap in risk each of them carries."""

from __future__ import annotations

import msgspec

from training.intervals import Estimate


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """One feature beside one protected column.

    auc: how well the feature alone tells the members of `group` from the others, on customers held out (0.5: not at
    all, 1: always); of all groups the one that it tells best. Joint 95 % interval over all features and groups.
    carried_points: what the feature adds to the mean risk of `group`, less what it adds to that of all others, in
    points of risk; over all features they add up exactly to the gap in the mean risk of the exported model.
    found: the AUC's lower bound is beyond what is tolerated: the feature stands in for the column.
    """

    feature: str
    group: str
    auc: Estimate
    carried_points: float
    found: bool
