"""Shapley values by brute force: what reasons are held against."""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
from scipy.special import expit

from models.contract import Vector
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats
from training.model.selection import select
from training.model.tables import Tables
from training.reading.book import read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes, structured


def same_top(first: Floats, second: Floats) -> float:
    """On which share of the rows the same feature has the largest absolute value."""
    return float((np.abs(first).argmax(axis=1) == np.abs(second).argmax(axis=1)).mean())


def shapley_from_centre(rows: Floats, reference: Floats, tables: Tables) -> Floats:
    """Shapley values [n, F] of effects [n, F, G], an absent feature having no effect, less their mean over a sample."""
    centre = np.zeros_like(rows[:1])
    mean: Floats = enumerate_shapley(reference, centre, tables).mean(axis=0)
    return enumerate_shapley(rows, centre, tables) - mean


def shapley_over_sample(rows: Floats, sample: Floats, book: Floats, tables: Tables) -> Floats:
    """Shapley values [n, F] of effects [n, F, G], absent features taking their values from a sample of the book.

    The sample differs from the book; what that does to path values, which are cheap over both, corrects for it: a
    control variate, of mean zero over samples.
    """
    correction = path_values(rows, book, tables) - path_values(rows, sample, tables)
    return enumerate_shapley(rows, sample, tables) + correction


def fit_telco(toml: Path) -> tuple[AdditiveHazardClassifier, Vector]:
    """The estimator behind the sample's bundle, and the encoded customers."""
    book = read_book(toml)
    people = ingest(book)
    contract = build_contract(book.features, people.frame)
    x = encode(contract, people.frame)
    categorical = tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category")
    template = AdditiveHazardClassifier(horizon=12, periods=60, categorical=categorical)
    y = structured(lifetimes(book, people.frame))
    return select(template, x, y).estimator.fit(x, y), x


def enumerate_shapley(own: Floats, background: Floats, tables: Tables) -> Floats:
    """Shapley values [n, F] of 100 * risk, for effects `own` [n, F, G] against those of the background [B, F, G].

    The odds e^(b + sum of effects) of a coalition and of the absent features are multiplied, not their logs added, and
    no logarithm is left to take: S_H is the product of 1 / (1 + odds) over the periods of the horizon.
    """
    count = own.shape[1]
    coalitions = np.arange(2**count)
    present = ((coalitions[:, None] >> np.arange(count)) & 1).astype(np.float64)
    size = present.sum(axis=1).astype(int)
    weight = np.array([1 / (count * comb(count - 1, s)) for s in range(count)])
    periods = tables.grid.segment_of[: tables.grid.horizon]
    absent = [np.exp((1 - present) @ other).T.astype(np.float32) for other in background]
    values = np.empty(own.shape[:2])
    for row, effects in enumerate(own):
        mine = np.exp(tables.baseline + present @ effects).T.astype(np.float32)
        worth = np.zeros(len(coalitions))
        for other in absent:
            stay = 1 + mine * other  # [G, 2^F]
            worth += 1 - 1 / np.multiply.reduce(stay[periods])
        worth *= 100 / len(background)
        for j in range(count):
            without = coalitions[present[:, j] == 0]
            values[row, j] = weight[size[without]] @ (worth[without | (1 << j)] - worth[without])
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
