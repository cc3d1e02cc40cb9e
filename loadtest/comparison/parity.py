"""Whether two answers about one prospect say the same."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Self

from loadtest.errors import LoadtestError

TOLERANCE = {"risk": 2e-5, "pltv": 0.02, "net_value": 0.02}
"""Share; currency. Ours are rounded to 6 decimals and to cents, and the graph computes in float32."""

POINTS_TOLERANCE = 0.01


class Answer(NamedTuple):
    """What every contestant says of a prospect; `points` by feature."""

    risk: float
    pltv: float
    net_value: float
    ltv_minus: bool
    points: dict[str, float]

    @classmethod
    def of_gatekeeper(cls, result: Any) -> Self:
        """Read a result of ours.

        Raises:
            LoadtestError: it is an error, or was given without the store.
        """
        if result.get("degraded") is not False:
            raise LoadtestError(f"gatekeeper answers {result}")
        value = result["value"]
        return cls(
            result["risk"]["score"], value["pltv"], value["net_value"], result["ltv_minus"], _points(result["reasons"])
        )

    @classmethod
    def of_peer(cls, result: Any) -> Self:
        """Read an `Assessment` of loadtest.peers.wire."""
        return cls(result["risk"], result["pltv"], result["net_value"], result["ltv_minus"], _points(result["reasons"]))


def of_gatekeeper(answer: Any) -> list[Answer]:
    """The one answer of `POST /v1/score`."""
    return [Answer.of_gatekeeper(answer)]


def of_batch(answer: Any) -> list[Answer]:
    """The answers of `POST /v1/score/batch`."""
    return [Answer.of_gatekeeper(result) for result in answer["results"]]


def of_peer(answer: Any) -> list[Answer]:
    """The one answer of a peer."""
    return [Answer.of_peer(answer)]


def of_mlserver(answer: Any) -> list[Answer]:
    """The one answer of a peer, as JSON within the V2 inference protocol."""
    return [Answer.of_peer(json.loads(answer["outputs"][0]["data"][0]))]


def difference(right: Answer, given: Answer) -> str:
    """What `given` says otherwise than `right`, which has the points of all features; empty if nothing."""
    for name, tolerance in TOLERANCE.items():
        if not abs(getattr(given, name) - getattr(right, name)) <= tolerance:
            return f"{name} {getattr(given, name)} instead of {getattr(right, name)}"
    if given.ltv_minus != right.ltv_minus and abs(right.net_value) > TOLERANCE["net_value"]:
        return f"ltv_minus {given.ltv_minus} at a net value of {right.net_value}"
    for feature, points in given.points.items():
        if not abs(points - right.points[feature]) <= POINTS_TOLERANCE:
            return f"{points} points of {feature} instead of {right.points[feature]}"
    least = min(map(abs, given.points.values()))
    for feature, points in right.points.items():
        if feature not in given.points and abs(points) > least + POINTS_TOLERANCE:
            return f"{feature} with its {points} points is none of the reasons"
    return ""


def _points(reasons: Any) -> dict[str, float]:
    return {reason["feature"]: reason["points"] for reason in reasons}
