"""A model fitted on a simulated book, measured against the truth on customers that it has not seen."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sksurv.metrics import concordance_index_ipcw
from sksurv.util import Surv

from models.contract import Contract
from models.value import Z80, Value, interval, value
from training.model.hazard import AdditiveHazardClassifier
from training.model.selection import select
from training.reading.book import Book, read_book
from training.reading.customers import Customers
from training.reading.encode import encode
from training.reading.lifetimes import Lifetimes, lifetimes, structured
from training.simulate import Simulated
from training.simulator.book import book_text

Floats = NDArray[np.float64]

TAU = 60
"""The last month that the C-index looks at."""

BARS = {"c_share_of_oracle": 0.96, "risk_off": 0.035, "loss_avoided_share": 0.88, "late_entry_bias": 0.02}
"""At least, at most, at least, at most to either side."""

COVERED = (0.75, 0.88)
"""How many true risks the 80 % interval must hold: at least, at most."""


def book_of(simulated: Simulated) -> Book:
    """The book of customers in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saas.toml"
        path.write_text(book_text("saas.csv", simulated.scenario), "utf-8")
        return read_book(path)


def lives_of(simulated: Simulated) -> Lifetimes:
    """The lifetimes that the book tells of."""
    return lifetimes(book_of(simulated), simulated.frame)


def customers_of(simulated: Simulated) -> Customers:
    """The customers that the book tells of, as models are fitted on them."""
    return Customers.of(book_of(simulated), simulated.frame)


def fit(seen: Customers) -> AdditiveHazardClassifier:
    """The model of a book, as `training fit` fits it."""
    x, y = seen.x, structured(seen.lives)
    return select(seen.estimator, x, y).estimator.fit(x, y).bootstrap(x, y)


def value_of(simulated: Simulated, contract: Contract, survival: Floats, spread: Floats | None = None) -> Value:
    """What the product says the customers are worth, given their survival curves and how far these may be off."""
    money = book_of(simulated).money
    columns = {column: simulated.frame[column].to_numpy() for column in money.columns - contract.index.keys()}
    terms = money.resolve(contract, encode(contract, simulated.frame), columns, {})
    ends = None if spread is None else interval(survival, spread)
    return value(survival, terms, "month", survival.shape[1], ends=ends)


def against_truth(seen: Simulated, unseen: Simulated) -> dict[str, float]:
    """A model of the customers `seen`, measured on those `unseen`.

    c_index, c_index_oracle: by 12-month risk, with censoring weighted out; c_share_of_oracle: of what the truth has
    beyond 0.5. risk_off: mean absolute error of the 12-month risk. risk_bias: its mean error. risk_covered,
    net_value_covered: how many true ones lie within their 80 % interval. loss_avoided_share: what turning away the
    model's LTV-minus customers is worth by their true net value, gains forgone included, over the same for the
    oracle's. loss_caught_share: the same without the gains forgone.
    """
    customers = customers_of(seen)
    model, contract = fit(customers), customers.contract
    x = encode(contract, unseen.frame)
    survival, (spread, _) = model.predict_survival_function(x), model.predict_evidence(x)
    risk, true_risk = 1 - survival[:, model.horizon - 1], unseen.truth["risk"].to_numpy()
    off = np.log(np.log1p(-risk) / np.log1p(-true_risk))
    worth = value_of(unseen, contract, survival, spread)
    flag, net, oracle = worth.ltv_minus, unseen.truth["net_value"].to_numpy(), unseen.truth["ltv_minus"].to_numpy()
    ours, best = c_index(lives_of(unseen), risk), c_index(lives_of(unseen), true_risk)
    return {
        "c_index": ours,
        "c_index_oracle": best,
        "c_share_of_oracle": (ours - 0.5) / (best - 0.5),
        "risk_off": float(np.abs(risk - true_risk).mean()),
        "risk_bias": float((risk - true_risk).mean()),
        "risk_covered": float((np.abs(off) <= Z80 * spread).mean()),
        "net_value_covered": float(((worth.net_value_low <= net) & (net <= worth.net_value_high)).mean()),
        "loss_avoided_share": float(net[flag].sum() / net[oracle].sum()),
        "loss_caught_share": float(net[flag & oracle].sum() / net[oracle].sum()),
    }


def risk_bias(seen: Simulated, unseen: Simulated) -> float:
    """Mean error of the 12-month risk of customers `unseen`, by a model with settings that are not chosen."""
    customers = customers_of(seen)
    model = customers.estimator.fit(customers.x, structured(customers.lives))
    risk = model.predict_proba(encode(customers.contract, unseen.frame))[:, 1]
    return float((risk - unseen.truth["risk"].to_numpy()).mean())


def c_index(lives: Lifetimes, risk: Floats) -> float:
    """C-index of a risk on observed lifetimes, censoring weighted out (Uno et al. 2011)."""
    seen = lives.observed
    event, last = lives.event[seen], lives.exit[seen]
    y = Surv.from_arrays(event & (last <= TAU), np.minimum(last, TAU + 1))
    return float(concordance_index_ipcw(y, y, risk[seen], tau=TAU + 1)[0])
