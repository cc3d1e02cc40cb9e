"""Which features stand in for a protected column, and how much of the gap in risk each of them carries."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from models.contract import Contract, Vector
from training.evaluation.intervals import Estimate, joint
from training.model.bins import Bins

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.integer] | NDArray[np.bool_]

STANDS_IN = 0.6
"""AUC from which a feature stands in for a protected column: below, of two customers it takes the wrong one for the
member of the group four times in ten."""

MIN_MEMBERS = 30
"""Groups of fewer cannot be learned to be told."""

SAMPLE, SAMPLE_FOR_ALL = 20_000, 4_000
"""Most customers, drawn at random, that features are looked at alone, and all together."""

FOLDS, FOLDS_FOR_ALL = 5, 3
BINS = 32
SHRINK = 10.0
"""Customers at the book's rate that each bin gets beforehand, so that a rare category is not believed at once."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """One feature beside one protected column.

    auc: how well the feature alone tells the members of `group` from the others, on customers held out (0.5: not at
    all, 1: always); of all groups the one that it tells best. Joint 95 % interval over all features and groups.
    carried_points: what the feature adds to the mean risk of `group`, less what it adds to that of all others, in
    points of risk; over all features they add up to the gap in the mean risk of the exported model.
    found: the AUC's lower bound reaches STANDS_IN.
    """

    feature: str
    group: str
    auc: Estimate
    carried_points: float
    found: bool


def proxies(
    contract: Contract, x: Vector, names: tuple[str, ...], member: Ints, carried: dict[str, dict[str, float]]
) -> tuple[Proxy, ...]:
    """Every feature by how surely it tells a group, the surest first; none where there are no two groups to tell.

    Args:
        contract: of the features.
        x: encoded customers [m, F].
        names: of the groups.
        member: each customer's group, [m].
        carried: the points that each feature carries, by group and feature.
    """
    chosen = _sample(len(x), SAMPLE)
    x, member = x[chosen], member[chosen]
    groups = _large(member, len(names))
    if len(groups) < 2:
        return ()
    asked = _asked(groups)
    level = joint(len(contract.features) * len(asked))
    fold = _dealt(member)
    found = []
    for position, feature in enumerate(contract.features):
        column = x[:, position]
        row = Bins.of(column, BINS, categorical=feature.kind == "category").rows(column)
        auc, best = max(((_held_out_auc(row, fold, member == g, level), g) for g in asked), key=_surest)
        found.append(
            Proxy(
                feature=feature.name,
                group=names[best],
                auc=auc,
                carried_points=carried[names[best]][feature.name],
                found=auc.low >= STANDS_IN,
            )
        )
    return tuple(sorted(found, key=lambda proxy: -proxy.auc.low))


def told_by_all(contract: Contract, x: Vector, names: tuple[str, ...], member: Ints) -> tuple[str, Estimate] | None:
    """The group that boosted trees on all features tell best, and the AUC of it on customers held out.

    None where there are no two groups to tell. The arguments are those of `proxies`.
    """
    chosen = _sample(len(x), SAMPLE_FOR_ALL)
    x, member = x[chosen], member[chosen]
    groups = _large(member, len(names))
    if len(groups) < 2:
        return None
    kept = np.isin(member, groups)
    x, member = x[kept], member[kept]
    categorical = [feature.kind == "category" for feature in contract.features]
    bins = [Bins.of(x[:, j], BINS, categorical=flag) for j, flag in enumerate(categorical)]
    inputs = np.column_stack([one.as_input(one.rows(x[:, j])) for j, one in enumerate(bins)])
    trees = HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=8, categorical_features=categorical, early_stopping=False, random_state=0
    )
    folds = StratifiedKFold(FOLDS_FOR_ALL, shuffle=True, random_state=0)
    scores = cross_val_predict(trees, inputs, member, cv=folds, method="predict_proba")
    asked, place = _asked(groups), sorted(groups).index
    aucs = ((_auc(scores[:, place(g)], member == g, member != g, joint(len(asked))), g) for g in asked)
    auc, best = max(aucs, key=_surest)
    return names[best], auc


def _sample(n: int, most: int) -> Ints:
    """Positions of at most so many of n customers."""
    return np.sort(np.random.default_rng(0).permutation(n)[:most])


def _dealt(member: Ints) -> Ints:
    """A fold for each customer at random, every group dealt evenly, or a fold's own rate would show in the others'."""
    fold = np.empty(len(member), dtype=np.int64)
    fold[np.lexsort((np.random.default_rng(0).permutation(len(member)), member))] = np.arange(len(member)) % FOLDS
    return fold


def _large(member: Ints, groups: int) -> list[int]:
    """The groups with enough members to be told, the smallest first."""
    sizes = np.bincount(member, minlength=groups)
    return [int(g) for g in np.argsort(sizes, kind="stable") if sizes[g] >= MIN_MEMBERS]


def _asked(groups: list[int]) -> list[int]:
    """Of two groups, the larger is told by telling the smaller."""
    return groups if len(groups) > 2 else groups[:1]


def _surest(found: tuple[Estimate, int]) -> float:
    return found[0].low


def _held_out_auc(row: Ints, fold: Ints, inside: NDArray[np.bool_], level: float) -> Estimate:
    """AUC of the members' share in a feature's row, learned from the other folds."""
    rows = int(row.max()) + 1
    cell = fold * rows + row
    members = np.bincount(cell[inside], minlength=FOLDS * rows).reshape(FOLDS, rows)
    others = np.bincount(cell[~inside], minlength=FOLDS * rows).reshape(FOLDS, rows)
    learned = members.sum(axis=0) - members
    total = learned + others.sum(axis=0) - others
    share = (learned + SHRINK * inside.mean()) / (total + SHRINK)
    return _auc(share.ravel(), members.ravel(), others.ravel(), level)


def _auc(score: Floats, members: Counts, others: Counts, level: float) -> Estimate:
    """Area under the ROC curve with the interval of DeLong et al. 1988, from how many have each score."""
    _, rank = np.unique(score, return_inverse=True)
    inside, outside = np.bincount(rank, members), np.bincount(rank, others)
    beaten = (np.cumsum(outside) - outside / 2) / outside.sum()
    beaten_by = 1.0 - (np.cumsum(inside) - inside / 2) / inside.sum()
    auc = float(np.average(beaten, weights=inside))
    variance = sum(
        float(np.average((placed - auc) ** 2, weights=counts)) / max(counts.sum() - 1, 1)
        for placed, counts in ((beaten, inside), (beaten_by, outside))
    )
    reach = float(norm.ppf((1.0 + level) / 2.0) * np.sqrt(variance))
    return Estimate(auc, max(auc - reach, 0.0), min(auc + reach, 1.0))
