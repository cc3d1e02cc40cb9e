"""The assessment: vectors and money in, risk, value, reasons and action out, for any number of prospects at once.

The same function answers one pop-up and scores a whole file, so a score in a report and one in a pop-up cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.contract import UNKNOWN, Contract, Feature, Vector
from models.money import BOUNDS, Floats, Money, MoneyTerms
from models.policy import ACTIONS, Column, CompiledPolicy, Names, Policy
from models.scorer import Scored
from models.value import CAUSES, Value, interval, value

Band = Literal["low", "medium", "high"]
BANDS: tuple[Band, ...] = get_args(Band)
BAND_FROM = np.array([0.3, 0.6])
"""Risk from which the band is medium, and high."""

REVIEW = ACTIONS.index("review")


class Assessments(msgspec.Struct, frozen=True):
    """Assessments of n prospects, column by column.

    x: encoded features, float32 [n, F]. survival: float32 [n, T]. risk: P(churn within the horizon) [n];
    risk_low, risk_high: its 80 % interval [n], NaN from a bundle without bootstrap. support: person-periods behind
    the feature value that the fewest customers share [n].
    band: index into BANDS [n]. points: each feature's points, float32 [n, F]; they add up to 100 * (risk - base).
    value: see models.value. rule: index into the policy's rules [n]. action: index into ACTIONS [n].
    missing, unknown, out_of_range: bool [n, F]. capped: bool [n], the action was lowered for want of evidence.
    """

    x: Vector
    survival: NDArray[np.float32]
    risk: Floats
    risk_low: Floats
    risk_high: Floats
    support: NDArray[np.float32]
    band: NDArray[np.int64]
    points: NDArray[np.float32]
    value: Value
    rule: NDArray[np.int64]
    action: NDArray[np.int64]
    missing: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    out_of_range: NDArray[np.bool_]
    capped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.risk)


class Assessor:
    """A bundle and a policy, ready to assess.

    Raises:
        PolicyError: the policy reads something that this model's assessments do not have.
    """

    def __init__(self, bundle: Bundle, policy: Policy) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self.contract: Contract = manifest.contract
        self._readers = _readers(self.contract, manifest.money.terms.keys())
        self.policy: CompiledPolicy = policy.compile(readable(self.contract, manifest.money))
        self.policy_reads_model = [any(name in _ASSESSED for name in rule.names) for rule in self.policy.rules]
        """Of each rule, whether it reads what the model found; one that does not is the company's own word."""
        features = self.contract.features
        self._is_category = np.array([f.kind == "category" for f in features])
        self._low = np.array([-np.inf if f.low is None else f.low for f in features], dtype=np.float32)
        self._high = np.array([np.inf if f.high is None else f.high for f in features], dtype=np.float32)
        self._never_missing = np.array([not f.missing_seen for f in features])
        self._other_exits = np.array(manifest.other_exits) if manifest.other_exits else None

    def assess(
        self,
        x: Vector,
        columns: Mapping[str, NDArray[np.generic]] | None = None,
        sent: Mapping[str, Floats] | None = None,
    ) -> Assessments:
        """Assess n prospects.

        Args:
            x: encoded by the bundle's contract, float32 [n, F].
            columns: what the money terms read and is no feature, each [n].
            sent: money terms that came with the prospects, float64 [n], NaN where one did not.
        """
        return self.judge(x, self.bundle.scorer(x), columns, sent)

    def judge(
        self,
        x: Vector,
        scored: Scored,
        columns: Mapping[str, NDArray[np.generic]] | None = None,
        sent: Mapping[str, Floats] | None = None,
    ) -> Assessments:
        """Assess n prospects that are `scored`: by this bundle, or for a back-test by one that has not seen them."""
        manifest = self.bundle.manifest
        survival, points, spread, support = scored
        ends = interval(survival, spread)
        at_horizon = manifest.horizons[0] - 1
        risk = 1.0 - survival[:, at_horizon].astype(np.float64)
        risk_low, risk_high = 1.0 - ends[:, :, at_horizon].astype(np.float64)
        band = BAND_FROM.searchsorted(risk, side="right")
        money = manifest.money.resolve(self.contract, x, columns or {}, sent or {})
        exits, periods = self._other_exits, manifest.supported_periods
        worth = value(survival, money, manifest.period, periods, other_exits=exits, ends=ends)

        missing = np.isnan(x)
        unknown = (x == UNKNOWN) & self._is_category
        out_of_range = (x < self._low) | (x > self._high)
        gathered = _Gathered(x, risk, risk_low, risk_high, support, band, worth, money)
        rule, action = self.policy.decide(_Columns(self._readers, gathered), len(x))
        unseen = unknown | (missing & self._never_missing)
        blind = unseen.any(axis=1) | missing.all(axis=1) | ~worth.known
        capped = blind & (action > REVIEW)
        np.copyto(action, REVIEW, where=capped)
        return Assessments(
            x=x,
            survival=survival,
            risk=risk,
            risk_low=risk_low,
            risk_high=risk_high,
            support=support,
            band=band,
            points=points,
            value=worth,
            rule=rule,
            action=action,
            missing=missing,
            unknown=unknown,
            out_of_range=out_of_range,
            capped=capped,
        )

    def top_reasons(self, assessments: Assessments, count: int) -> NDArray[np.int64]:
        """The `count` features of the largest absolute points, largest first, ties in its order. [n, count]."""
        return np.argsort(-np.abs(assessments.points), axis=1, kind="stable")[:, :count]


class _Gathered(NamedTuple):
    """What a policy may read of n prospects."""

    x: Vector
    risk: Floats
    risk_low: Floats
    risk_high: Floats
    support: NDArray[np.float32]
    band: NDArray[np.int64]
    worth: Value
    money: Money


_Reader = Callable[[_Gathered], Column]

_ASSESSED: dict[str, _Reader] = {
    "risk": lambda g: g.risk,
    "risk_low": lambda g: g.risk_low,
    "risk_high": lambda g: g.risk_high,
    "support": lambda g: g.support,
    "band": lambda g: g.band,
    "pltv": lambda g: g.worth.pltv,
    "net_value": lambda g: g.worth.net_value,
    "net_value_low": lambda g: g.worth.net_value_low,
    "net_value_high": lambda g: g.worth.net_value_high,
    "net_negative_probability": lambda g: g.worth.net_negative_probability,
    "pltv_to_cpa": lambda g: g.worth.pltv_to_cpa,
    "break_even": lambda g: np.where(g.worth.break_even > 0, g.worth.break_even, np.nan),
    "loss_probability": lambda g: g.worth.loss_probability,
    "beyond_data_share": lambda g: g.worth.beyond_data_share,
    "ltv_minus": lambda g: np.where(g.worth.known, g.worth.ltv_minus, np.nan),
    "cause": lambda g: np.where(g.worth.cause >= 0, g.worth.cause, np.nan),
}


def _readers(contract: Contract, booked: Collection[str]) -> dict[str, _Reader]:
    """How to read each name; of a money term and a feature of one name, the term wins if the book has `booked` it."""
    money = {term: partial(_money, term) for term in BOUNDS}
    features = {name: partial(_feature, contract.features[j], j) for j, name in enumerate(contract.names)}
    return {**money, **features, **{term: money[term] for term in booked}, **_ASSESSED}


def readable(contract: Contract, money: MoneyTerms) -> Names:
    """What a policy may read of this model's assessments: each name, with the texts that its column may hold."""
    return {name: _texts(contract, name) for name in _readers(contract, money.terms.keys())}


def _texts(contract: Contract, name: str) -> tuple[str, ...]:
    """The texts that a column may hold; none if it holds numbers."""
    if name in _ASSESSED or name not in contract.index:
        return {"band": BANDS, "cause": CAUSES}.get(name, ())
    feature = contract.features[contract.index[name]]
    return (*feature.categories, *feature.rare)


def _money(term: str, gathered: _Gathered) -> Column:
    amount: Column = getattr(gathered.money, term)
    return amount


def _feature(feature: Feature, position: int, gathered: _Gathered) -> Column:
    column = gathered.x[:, position]
    if feature.kind != "category":
        return column
    # Rare categories share a code, and the unknown one is told from none of them.
    return np.where((column >= 0) & (column < len(feature.categories)), column, np.nan)


class _Columns(dict[str, Column]):
    """Columns by name, each made when a condition first asks for it."""

    def __init__(self, readers: Mapping[str, _Reader], gathered: _Gathered) -> None:
        super().__init__()
        self._readers, self._gathered = readers, gathered

    def __missing__(self, name: str) -> Column:
        column = self[name] = self._readers[name](self._gathered)
        return column
