"""What happened to a group of held-out customers, who are censored, beside what was said of them."""

from __future__ import annotations

import numpy as np

from training.evaluation.intervals import Rate
from training.reading.lifetimes import Bools, Floats, Lifetimes, at_risk, ended


def churned_within(lives: Lifetimes, weight: Floats, horizon: int) -> Rate | None:
    """Kaplan and Meier's share of churners, worth as many trials as Greenwood's variance says.

    None where nobody was at risk in some period up to the horizon. Where nobody churned, or everybody, the last
    period's customers at risk are the trials.
    """
    exposed, churned = _risk_sets(lives, weight, horizon)
    gone = np.flatnonzero((exposed > 0) & (churned >= exposed))
    if gone.size:
        return Rate(1.0, float(exposed[gone[0]]))
    if (exposed <= 0).any():
        return None
    stays = float(np.prod(1.0 - churned / exposed))
    if stays == 1.0:
        return Rate(0.0, float(exposed[-1]))
    greenwood = float((churned / (exposed * (exposed - churned))).sum())
    return Rate(1.0 - stays, (1.0 - stays) / (stays * greenwood))


def false_alarms(lives: Lifetimes, weight: Floats, warned: Bools, horizon: int) -> Rate | None:
    """The share warned of those who stay the horizon, censoring weighted out.

    P(warned | stays) = A / (A + B), A = P(warned) P(stays | warned) and B the same of the others, where P(stays | .) is
    Kaplan and Meier's: each customer known to have stayed is weighed by the inverse of its probability of not having
    been censored, which may differ between those warned and the others (Satten and Datta 2001; Heagerty et al. 2000,
    section 2.1). Nobody censored, it is the plain share of the stayers. With delayed entry a customer stands for all
    who signed up as it did, 1 / P(stays until its entry).

    None where it cannot be told: nobody stays, or nobody of a kind was followed to the horizon.
    """
    sizes, variance = [], 0.0
    for kind in (warned, ~warned):
        stayers = _stayers(lives.take(kind), weight[kind], horizon)
        if stayers is None:
            return None
        sizes.append(stayers[0])
        variance += stayers[1]
    total = sum(sizes)
    if total == 0.0:
        return None
    share = sizes[0] / total
    if min(sizes) == 0.0:
        return Rate(share, total)
    return Rate(share, 1.0 / (variance * share * (1.0 - share)))


def _stayers(lives: Lifetimes, weight: Floats, horizon: int) -> tuple[float, float] | None:
    """How many of these customers stay the horizon, known or not, and the variance of its logarithm."""
    early = lives.entry < horizon  # who came under observation later is there only because it stayed
    lives, weight = lives.take(early), weight[early]
    if not len(lives):
        return 0.0, 0.0
    churned = churned_within(lives, weight, horizon)
    if churned is None:
        return None
    stays = 1.0 - churned.share
    if stays == 0.0:  # of few at risk early, all may churn although later ones are known to have stayed
        return None if (lives.exit > horizon).any() else (0.0, 0.0)
    stands_for = weight / _stayed_until(lives, weight, horizon)[lives.entry]
    size = float(stands_for.sum())
    greenwood = churned.share / (stays * churned.trials)
    return size * stays, float((stands_for**2 / weight).sum()) / size**2 + greenwood


def _stayed_until(lives: Lifetimes, weight: Floats, horizon: int) -> Floats:
    """Kaplan and Meier's share that stays t = 0..horizon periods. Shape [horizon + 1]."""
    exposed, churned = _risk_sets(lives, weight, horizon)
    hazard = np.divide(churned, exposed, out=np.zeros(horizon), where=exposed > 0)
    return np.append(1.0, np.cumprod(1.0 - hazard))


def _risk_sets(lives: Lifetimes, weight: Floats, horizon: int) -> tuple[Floats, Floats]:
    """How many customers were at risk in period t = 1..horizon, and churned in it. Shapes [horizon]."""
    return at_risk(lives, horizon, weight), ended(lives, lives.event, horizon, weight)
