"""Made-up customers whose churn depends on what is known of them: a category, two numbers and a flag, some missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import BookSummary
from models.contract import Contract, Feature
from models.money import MoneyTerms
from training.exporting.export import ModelCard

CATEGORICAL = (0,)

CARD = ModelCard(
    name="book",
    contract=Contract(
        (
            Feature(name="plan", kind="category", categories=("a", "b", "c", "d", "e")),
            Feature(name="price", kind="number", low=0.0, high=120.0, missing_seen=True),
            Feature(name="seats", kind="number", low=0.0, high=500.0),
            Feature(name="trial", kind="flag"),
        )
    ),
    horizons=(6,),
    period="month",
    currency="JPY",
    money=MoneyTerms(),
    other_exits=(),
    book=BookSummary(2000, 1000, 0),
    id_column=None,
)
"""Of a model of them."""


def customers(n: int = 2000, seed: int = 0, last: int = 30) -> tuple[NDArray[np.float32], NDArray[np.void]]:
    """Features float32 [n, 4] and lifetimes (event, time, entry) [n], with delayed entry for one in five."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [rng.integers(0, 5, n), rng.normal(50, 20, n), rng.lognormal(3, 1, n), rng.integers(0, 2, n)]
    ).astype(np.float32)
    log_odds = -3.5 + 0.5 * (x[:, 0] == 2) + 0.02 * (x[:, 1] - 50) + 0.8 * x[:, 3]
    time = np.minimum(rng.geometric(1 / (1 + np.exp(-log_odds))), rng.integers(1, last, n))
    churned = rng.random(n) < 0.7
    entry = np.where(rng.random(n) < 0.2, rng.integers(0, last, n), 0)
    entry = np.where(entry < time, entry, 0)
    x[rng.random(n) < 0.1, 1] = np.nan
    y = np.zeros(n, dtype=[("event", bool), ("time", np.int64), ("entry", np.int64)])
    y["event"], y["time"], y["entry"] = churned, time, entry
    return x, y
