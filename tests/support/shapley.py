"""Shapley values by brute force: what reasons are held against."""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.contract import Vector
from training.book import read_book
from training.encode import build_contract, encode
from training.hazard import AdditiveHazardClassifier
from training.ingest import ingest
from training.lifetimes import lifetimes, structured
from training.personperiods import Floats
from training.tables import Tables


def agreement(
    model: AdditiveHazardClassifier, x: Vector, points: Floats, rows: NDArray[np.int64], sample: int
) -> float:
    """On which share of the `rows` of the book `x` the top reason of `points` is that of Shapley values.

    Those are enumerated over all coalitions of features, the absent ones taking their values from a sample of the book.
    The sample differs from the book; what that does to path values, which are cheap over both, corrects for it: a
    control variate, of mean zero over samples.
    """
    tables = model.tables_
    effects = np.concatenate(list(tables.effects_of(x)))
    background = effects[np.random.default_rng(0).choice(len(x), sample, replace=False)]
    shapley = np.array([enumerate_shapley(effects[row], background, tables) for row in rows])
    shapley += path_values(effects[rows], effects, tables) - path_values(effects[rows], background, tables)
    return float((np.abs(shapley).argmax(axis=1) == np.abs(points).argmax(axis=1)).mean())


def fit_telco(toml: Path) -> tuple[AdditiveHazardClassifier, Vector]:
    """The estimator behind the sample's bundle, and the encoded customers."""
    book = read_book(toml)
    people = ingest(book)
    contract = build_contract(book.features, people.frame)
    x = encode(contract, people.frame)
    categorical = tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category")
    model = AdditiveHazardClassifier(horizon=12, periods=60, categorical=categorical)
    return model.fit(x, structured(lifetimes(book, people.frame))), x


def enumerate_shapley(own: Floats, background: Floats, tables: Tables) -> Floats:
    """Shapley values [F] of 100 * risk, for effects `own` [F, G] against those of the background [B, F, G]."""
    count, horizon = len(own), tables.grid.periods_in_horizon
    coalitions = np.arange(2**count)
    present = ((coalitions[:, None] >> np.arange(count)) & 1).astype(np.float64)
    worth = np.zeros(len(coalitions))
    mine = tables.baseline + present @ own
    for other in background:
        log_odds = mine + (1 - present) @ other
        worth += 1 - np.exp(-np.log1p(np.exp(log_odds)) @ horizon)
    worth *= 100 / len(background)
    size = present.sum(axis=1).astype(int)
    weight = np.array([1 / (count * comb(count - 1, s)) for s in range(count)])
    values = np.empty(count)
    for j in range(count):
        without = coalitions[present[:, j] == 0]
        values[j] = weight[size[without]] @ (worth[without | (1 << j)] - worth[without])
    return values


def path_values(own: Floats, background: Floats, tables: Tables) -> Floats:
    """Aumann-Shapley values [n, F] of 100 * risk, averaged over straight paths from every background row."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    horizon = tables.grid.periods_in_horizon
    target, sources = own.sum(axis=1), background.sum(axis=1)
    values = np.zeros(own.shape[:2])
    for row, total in enumerate(target):
        slope = np.zeros_like(sources)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            log_odds = tables.baseline + sources + node * (total - sources)
            survived = np.exp(-np.log1p(np.exp(log_odds)) @ horizon)
            slope += weight * survived[:, None] * expit(log_odds) * horizon
        values[row] = own[row] @ slope.mean(axis=0) - np.einsum("bjg,bg->j", background, slope) / len(background)
    return 100 * values
