"""Economics: what a book's customers are worth, by our formula and by the classical ones, and what would change it."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract import Contract, Vector
from models.money import Money
from models.value import Value
from training.economics.formulas import Formula, Means, formulas, means
from training.economics.segments import SegmentTable, segment_table
from training.economics.sensitivity import Sensitivity, sensitivities
from training.economics.texts import LITTLE_CHURN, NO_CPA, NO_MONEY, NO_SEGMENTS, Text
from training.economics.values import customer_weights, finite, money_inputs, value_all
from training.reading.book import Book
from training.reading.lifetimes import Lifetimes, at_risk, last_supported, other_exit_survival

MONEY_FIELDS = ("mean_pltv", "mean_net_value", "mean_cpa", "pltv_to_cpa", "formulas", "sensitivities")
"""What there is only where some customer's money is known."""


class Economics(msgspec.Struct, frozen=True, kw_only=True):
    """Money of a book's customers; `absent` says by field name why something is None or empty.

    customers, known: how many there are, and of how many the money is known; a row counts as often as the book weighs
    it. horizon, value_horizon: H and T, in `period`. mean_pltv, mean_net_value, mean_cpa: `currency` per customer whose
    money is known. pltv_to_cpa: ratio of the two means.
    """

    currency: str
    period: str
    horizon: int
    value_horizon: int
    customers: float
    known: float
    mean_pltv: float | None
    mean_net_value: float | None
    mean_cpa: float | None
    pltv_to_cpa: float | None
    formulas: tuple[Formula, ...]
    segments: tuple[SegmentTable, ...]
    sensitivities: tuple[Sensitivity, ...]
    absent: dict[str, Text]


def economics(
    book: Book,
    contract: Contract,
    frame: pl.DataFrame,
    x: Vector,
    lives: Lifetimes,
    survival: NDArray[np.floating],
) -> Economics:
    """The money of a book's n customers.

    Args:
        book: says what each column is.
        contract: places each feature in `x`.
        frame: the clean customers (see training.reading.ingest).
        x: the same encoded, float32 [n, F].
        lives: what happened to them.
        survival: the model's S(t | x) [n, T].
    """
    weight, period = customer_weights(book, frame), book.source.period
    money = book.money.resolve(contract, x, money_inputs(book.money, contract, frame), {})
    supported = last_supported(at_risk(lives, survival.shape[1]))
    others = other_exit_survival(lives, survival.shape[1], weight) if lives.other_exit.any() else None

    def values(curves: NDArray[np.floating], terms: Money) -> Value:
        return value_all(curves if others is None else curves * others, terms, period, supported)

    worth = values(survival, money)
    cpa = np.broadcast_to(np.asarray(money.acquisition_spent + money.closing_cost, dtype=np.float64), weight.shape)
    found = means(money, lives, weight, period, worth.pltv, worth.net_value)
    moved = sensitivities(values, survival, money, weight, book.lifetime.horizons[0]) if worth.known.any() else ()
    return Economics(
        currency=book.source.currency,
        period=period,
        horizon=book.lifetime.horizons[0],
        value_horizon=survival.shape[1],
        customers=float(weight.sum()),
        known=float(weight[worth.known].sum()),
        mean_pltv=finite(found.pltv),
        mean_net_value=finite(found.net_value),
        mean_cpa=finite(found.cac),
        pltv_to_cpa=found.pltv / found.cac if found.cac > 0 else None,
        formulas=formulas(found, book.source.currency) if worth.known.any() else (),
        segments=tuple(
            segment_table(name, frame[column], lives, survival, worth, cpa, weight)
            for name, column in book.segments.items()
        ),
        sensitivities=moved,
        absent=_absent(book, found, moved),
    )


def _absent(book: Book, found: Means, moved: tuple[Sensitivity, ...]) -> dict[str, Text]:
    """Why a field is None or empty, by its name."""
    absent: dict[str, Text] = {}
    if not np.isfinite(found.pltv):
        absent |= dict.fromkeys(MONEY_FIELDS, NO_MONEY)
    elif found.cac <= 0:
        absent["pltv_to_cpa"] = NO_CPA
    if moved and moved[0].of != "churn":
        absent["sensitivities.churn"] = LITTLE_CHURN
    if not book.segments:
        absent["segments"] = NO_SEGMENTS
    return absent
