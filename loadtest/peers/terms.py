"""From a survival curve and points to an answer: the book's money terms, as every peer applies them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from loadtest.peers.wire import Assessment, Reason

TOP = 3
PERIODS_PER_YEAR = 12


class Terms(NamedTuple):
    """What the bundle's manifest says beside the model. The discounting is [T], for payment in advance."""

    features: list[str]
    horizon: int
    gross_margin: float
    cost_to_serve: float
    closing_cost: float
    discounting: NDArray[np.float64]

    @classmethod
    def of(cls, bundle: Path) -> Self:
        """Read the manifest of a bundle."""
        manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
        terms = manifest["money"]["terms"]
        years = np.arange(manifest["periods"]) / PERIODS_PER_YEAR
        return cls(
            [feature["name"] for feature in manifest["contract"]["features"]],
            manifest["horizons"][0],
            terms["gross_margin"],
            terms["cost_to_serve"],
            terms["closing_cost"],
            (1 + terms["annual_discount_rate"]) ** -years,
        )

    def assess(
        self, survival: NDArray[np.floating], points: NDArray[np.floating], monthly_charges: float
    ) -> Assessment:
        """The answer for one prospect with this survival curve [T] and these points [F]."""
        margin = monthly_charges * self.gross_margin - self.cost_to_serve
        pltv = margin * float(self.discounting[0] + survival[:-1] @ self.discounting[1:])
        net_value = pltv - self.closing_cost
        top = np.argsort(-np.abs(points))[:TOP]
        return Assessment(
            risk=1 - float(survival[self.horizon - 1]),
            pltv=pltv,
            net_value=net_value,
            ltv_minus=net_value < 0,
            reasons=[Reason(feature=self.features[j], points=float(points[j])) for j in top],
        )
