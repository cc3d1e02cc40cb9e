"""The calibration line of a model's hazards, and the model that is moved onto it.

    logit h'(t | x) = a + b * logit h(t | x)

Cox (1958), Two further applications of a model for binary regression, with one line for all periods at risk. Who is
riskier than whom within a period stays as it was.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

from training.model.attribution import Attribution
from training.model.evidence import Evidence
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats, SurvivalTarget, TimeGrid, count_person_periods
from training.model.tables import Pair, Tables, softplus


class Line(NamedTuple):
    """logit h' = intercept + slope * logit h, fitted on person-periods.

    covariance: of intercept and slope, [2, 2]. p_value: of the likelihood ratio test against intercept 0 and slope 1.
    expected_before, expected_after, observed: churn events, expected by h and by h'.
    """

    intercept: float
    slope: float
    covariance: Floats
    p_value: float
    expected_before: float
    expected_after: float
    observed: float


def fit_line(log_odds: Floats, target: SurvivalTarget, grid: TimeGrid, weight: Floats) -> Line:
    """The line of the greatest likelihood, a binomial regression on counted person-periods.

    Args:
        log_odds: logit h of n customers in each segment of time, [n, G]; not all the same.
        target: their lifetimes.
        grid: the segments.
        weight: for how many customers each stands, [n].
    """
    rows = count_person_periods(target, grid)
    before, trials = log_odds[rows.customer, rows.segment], rows.trials * weight[rows.customer]
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=100)
    model.fit(before[:, None], rows.label, sample_weight=trials)
    intercept, slope = float(model.intercept_[0]), float(model.coef_[0, 0])
    after = intercept + slope * before
    hazard = expit(after)
    design = np.column_stack([np.ones(len(before)), before])
    information = design.T @ (design * (trials * hazard * (1.0 - hazard))[:, None])
    gain = float(trials @ (rows.label * (after - before) - softplus(after) + softplus(before)))
    return Line(
        intercept,
        slope,
        covariance=np.linalg.inv(information),
        p_value=float(chi2.sf(2.0 * max(gain, 0.0), df=2)),
        expected_before=float(trials @ expit(before)),
        expected_after=float(trials @ hazard),
        observed=float(trials @ rows.label),
    )


def moved(
    estimator: AdditiveHazardClassifier, line: Line, x: NDArray[np.float32], weight: Floats
) -> AdditiveHazardClassifier:
    """The estimator with its hazards on the line; base and points are measured against the book `x` [n, F]."""
    old = estimator.tables_
    tables = old._replace(
        baseline=line.intercept + line.slope * old.baseline,
        effects=[line.slope * effects for effects in old.effects],
        pairs=[Pair(first, second, line.slope * effects) for first, second, effects in old.pairs],
    )
    new = AdditiveHazardClassifier(**estimator.get_params())
    new.n_features_in_ = estimator.n_features_in_
    new.tables_ = tables
    new.evidence_ = _evidence(estimator.evidence_, old, tables, line)
    new.base_ = float(np.average(tables.risk(x), weights=weight))
    new.attribution_ = Attribution.over(tables, x, weight)
    return new


def _evidence(evidence: Evidence, old: Tables, new: Tables, line: Line) -> Evidence:
    """The evidence of the moved model: the model's own error, and that of the line, both to first order.

    With the log-odds e_g of segment g, n_g of its periods within the horizon and H = sum of n_g softplus(e_g), the
    deviations of log H are s . delta with s_g = n_g h_g / H at the centre of the book. On the line e' = a + b e, so

        d log H' = b * s' . delta + (da + db * e) . s'

    The deviations hold s . delta, summed over the segments already: they are scaled by b * sum(s') / sum(s), which is
    exact where an effect is off by as much in all of them. The second term is linear in the tables, and so becomes one
    more deviation for each column of the Cholesky factor of the covariance of a and b.
    """
    if not len(evidence.baseline):
        return evidence
    slope = _centre_slope(new)
    scale = line.slope * slope.sum() / _centre_slope(old).sum()
    by_intercept, by_slope = np.linalg.cholesky(line.covariance)  # a row each, over two independent errors

    def deviations(own: Floats, effects: Floats, *, level: float = 0.0) -> Floats:
        of_line = level * slope.sum() * by_intercept + (effects @ slope)[..., None] * by_slope
        return np.concatenate([scale * own, of_line], axis=-1)

    return evidence._replace(
        deviations=[deviations(*each) for each in zip(evidence.deviations, old.effects, strict=True)],
        pair_deviations=[
            deviations(own, pair.effects) for own, pair in zip(evidence.pair_deviations, old.pairs, strict=True)
        ],
        baseline=deviations(evidence.baseline, old.baseline, level=1.0),
    )


def _centre_slope(tables: Tables) -> Floats:
    """D log(sum of n_g softplus(b_g)) / d b_g at the centre of the book. Shape [G]."""
    n = tables.grid.periods_in_horizon
    slope: Floats = expit(tables.baseline) * n / (softplus(tables.baseline) @ n)
    return slope
