"""Economics: what a book's customers are worth, by our formula and by the classical ones, and what would change it."""

from __future__ import annotations

import msgspec

from training.economics_formulas import Formula, Text
from training.economics_segments import SegmentTable
from training.economics_sensitivity import Sensitivity


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
