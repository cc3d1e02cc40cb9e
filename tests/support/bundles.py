"""A small real bundle: an ONNX graph written by hand, over a category, two numbers and a flag, that answers NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.bundle import BookSummary, GoldenRow, Manifest, write_bundle
from models.contract import Contract, Feature
from models.money import MoneyTerms, Segment
from models.registry import activate
from models.scorer import Scorer

PERIODS = 24
SPREAD, SUPPORT = 0.25, 800.0
CONTRACT = Contract(
    (
        Feature(
            name="contract",
            kind="category",
            label={"en": "Contract", "ja": "契約形態"},
            categories=("Month-to-month", "One year", "Two year"),
            missing_seen=True,
        ),
        Feature(name="monthly_charges", kind="number", unit="USD", low=10.0, high=200.0, missing_seen=True),
        Feature(name="paperless", kind="flag", label={"en": "Paperless billing"}, missing_seen=True),
        Feature(name="seats", kind="number", low=1.0, high=500.0, missing_seen=True),
    )
)
"""Risk rises with a monthly contract and with high charges; see `_effects`."""

MONEY = MoneyTerms(
    terms={
        "revenue": "monthly_charges",
        "gross_margin": 0.6,
        "cost_to_serve": "support_cost",
        "closing_cost": 250.0,
        "acquisition_spent": 120.0,
        "annual_discount_rate": 0.1,
    },
    segments=(Segment("channel", "partner", {"closing_cost": 100.0}),),
)

CONSTANT_MONEY = MoneyTerms(terms={**MONEY.terms, "cost_to_serve": 8.0}, segments=MONEY.segments)


def make_bundle(
    registry: Path,
    *,
    name: str = "book",
    contract: Contract = CONTRACT,
    money: MoneyTerms = CONSTANT_MONEY,
    tilt: float = 0.0,
    spread: float | None = SPREAD,
    support: float = SUPPORT,
    live: bool = True,
) -> Path:
    """Write a bundle, make it the live one when `live`, and return its folder. Another `tilt` is another version.

    Every answer has the same `spread` and `support`; a spread of None stands for a bundle without bootstrap.
    """
    model = _model(contract, tilt, np.nan if spread is None else spread, support)
    scorer = Scorer(model, len(contract.features), PERIODS)
    rows: list[dict[str, bool | int | float | str | None]] = [{}, {contract.names[0]: _some(contract.features[0])}]
    golden = []
    for row in rows:
        survival, points, *_ = (each[0] for each in scorer(contract.encode(row)[None, :]))
        golden.append(GoldenRow(row, survival.tolist(), points.tolist(), spread, support))
    manifest = Manifest(
        name=name,
        created_at="2026-01-01T00:00:00Z",
        contract=contract,
        contract_hash=contract.hash,
        horizons=(12,),
        periods=PERIODS,
        period="month",
        currency="USD",
        base=0.2 + tilt,
        supported_periods=PERIODS,
        money=money,
        book=BookSummary(1000, 200, 0),
        settings={},
    )
    folder = write_bundle(registry, manifest, model, golden)
    if live:
        activate(folder)
    return folder


def _some(feature: Feature) -> bool | float | str:
    if feature.kind == "category":
        return feature.categories[0]
    return 20.0 if feature.kind == "number" else True


def _effects(contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Slope and centre of each feature's share in the risk."""
    slope = {"category": -0.2, "number": 0.002, "flag": 0.05}
    centre = {"category": 1.0, "number": 70.0, "flag": 0.5}
    kinds = [f.kind for f in contract.features]
    return (
        np.array([slope[k] for k in kinds], dtype=np.float32),
        np.array([centre[k] for k in kinds], dtype=np.float32),
    )


def _model(contract: Contract, tilt: float, spread: float, support: float) -> bytes:
    """Survival with risk at 12 periods = base + shares; points = 100 * share, clipped, zero where NaN.

    Clipped risk would break the sum of points, so shares are bounded to leave 0 < risk < 1.
    """
    slope, centre = _effects(contract)
    f = len(contract.features)
    bound = np.float32(0.75 / f if f > 4 else 0.19)
    constants = {
        "slope": slope,
        "centre": centre,
        "low": np.float32(-bound),
        "high": np.float32(bound),
        "zero": np.float32(0),
        "hundred": np.float32(100),
        "base": np.float32(0.2 + tilt),
        "least": np.float32(0.01),
        "most": np.float32(0.99),
        "one": np.float32(1),
        "off_by": np.float32(spread),
        "periods": np.float32(support),
        "axis": np.array([1], dtype=np.int64),
        "time": np.arange(1, PERIODS + 1, dtype=np.float32)[None, :] / 12,
    }
    nodes = [
        helper.make_node("IsNaN", ["features"], ["absent"]),
        helper.make_node("Sub", ["features", "centre"], ["off"]),
        helper.make_node("Mul", ["off", "slope"], ["raw"]),
        helper.make_node("Where", ["absent", "zero", "raw"], ["known"]),
        helper.make_node("Clip", ["known", "low", "high"], ["share"]),
        helper.make_node("Mul", ["share", "hundred"], ["points"]),
        helper.make_node("ReduceSum", ["share", "axis"], ["sum"], keepdims=1),
        helper.make_node("Add", ["sum", "base"], ["wish"]),
        helper.make_node("Clip", ["wish", "least", "most"], ["risk"]),
        helper.make_node("Sub", ["one", "risk"], ["stay"]),
        helper.make_node("Pow", ["stay", "time"], ["survival"]),
        helper.make_node("ReduceMin", ["stay"], ["some"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["some", "zero"], ["none"]),
        helper.make_node("Add", ["none", "off_by"], ["spread"]),
        helper.make_node("Add", ["none", "periods"], ["support"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, f])],
        [
            helper.make_tensor_value_info("survival", TensorProto.FLOAT, [None, PERIODS]),
            helper.make_tensor_value_info("points", TensorProto.FLOAT, [None, f]),
            helper.make_tensor_value_info("spread", TensorProto.FLOAT, [None]),
            helper.make_tensor_value_info("support", TensorProto.FLOAT, [None]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized
