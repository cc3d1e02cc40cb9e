"""A model fitted on a simulated book, measured against the truth on customers that it has not seen."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sksurv.metrics import concordance_index_ipcw
from sksurv.util import Surv

from models.contract import Contract
from models.value import Value, value
from training.book import Book, read_book
from training.encode import build_contract, encode
from training.hazard import AdditiveHazardClassifier
from training.lifetimes import Lifetimes, lifetimes, structured
from training.selection import select
from training.simulate import Simulated
from training.simulator.book import book_text

Floats = NDArray[np.float64]

TAU = 60
"""The last month that the C-index looks at."""

BARS = {"c_share_of_oracle": 0.96, "risk_off": 0.035, "loss_avoided_share": 0.88}
"""At least, at most, at least."""


def book_of(simulated: Simulated) -> Book:
    """The book of customers in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saas.toml"
        path.write_text(book_text("saas.csv", simulated.scenario), "utf-8")
        return read_book(path)


def lives_of(simulated: Simulated) -> Lifetimes:
    """The lifetimes that the book tells of."""
    return lifetimes(book_of(simulated), simulated.frame)


def fit(simulated: Simulated) -> tuple[AdditiveHazardClassifier, Contract]:
    """The model of a simulated book, as `training fit` fits it."""
    book = book_of(simulated)
    contract = build_contract(book.features, simulated.frame)
    template = AdditiveHazardClassifier(
        horizon=book.lifetime.horizons[0],
        periods=book.periods,
        categorical=tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category"),
    )
    x, y = encode(contract, simulated.frame), structured(lives_of(simulated))
    return select(template, x, y).estimator.fit(x, y), contract


def value_of(simulated: Simulated, contract: Contract, survival: NDArray[np.floating]) -> Value:
    """What the product says the customers are worth, given their survival curves."""
    money = book_of(simulated).money
    columns = {column: simulated.frame[column].to_numpy() for column in money.columns - contract.index.keys()}
    terms = money.resolve(contract, encode(contract, simulated.frame), columns, {})
    return value(survival, terms, "month", survival.shape[1])


def against_truth(seen: Simulated, unseen: Simulated) -> dict[str, float]:
    """A model of the customers `seen`, measured on those `unseen`.

    c_index, c_index_oracle: by 12-month risk, with censoring weighted out; c_share_of_oracle: of what the truth has
    beyond 0.5. risk_off: mean absolute error of the 12-month risk. risk_bias: its mean error.
    loss_avoided_share: what turning away the model's LTV-minus customers is worth by their true net value, gains
    forgone included, over the same for the oracle's. loss_caught_share: the same without the gains forgone.
    """
    model, contract = fit(seen)
    survival = model.predict_survival_function(encode(contract, unseen.frame))
    risk, true_risk = 1 - survival[:, model.horizon - 1], unseen.truth["risk"].to_numpy()
    flag = value_of(unseen, contract, survival).ltv_minus
    net, oracle = unseen.truth["net_value"].to_numpy(), unseen.truth["ltv_minus"].to_numpy()
    ours, best = c_index(lives_of(unseen), risk), c_index(lives_of(unseen), true_risk)
    return {
        "c_index": ours,
        "c_index_oracle": best,
        "c_share_of_oracle": (ours - 0.5) / (best - 0.5),
        "risk_off": float(np.abs(risk - true_risk).mean()),
        "risk_bias": float((risk - true_risk).mean()),
        "loss_avoided_share": float(net[flag].sum() / net[oracle].sum()),
        "loss_caught_share": float(net[flag & oracle].sum() / net[oracle].sum()),
    }


def c_index(lives: Lifetimes, risk: Floats) -> float:
    """C-index of a risk on observed lifetimes, censoring weighted out (Uno et al. 2011)."""
    seen = lives.observed
    event, last = lives.event[seen], lives.exit[seen]
    y = Surv.from_arrays(event & (last <= TAU), np.minimum(last, TAU + 1))
    return float(concordance_index_ipcw(y, y, risk[seen], tau=TAU + 1)[0])
