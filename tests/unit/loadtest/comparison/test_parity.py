"""An answer that says otherwise is found, whichever part of it does."""

from __future__ import annotations

import json

import pytest

from loadtest.comparison.parity import Answer, difference, of_batch, of_mlserver, of_peer
from loadtest.errors import LoadtestError

RIGHT = Answer(0.4, 240.0, -10.0, True, {"contract": 12.3, "tech_support": -6.1, "streaming_tv": 3.6, "phone": 0.2})
TOP = {"contract": 12.3, "tech_support": -6.1, "streaming_tv": 3.6}


def test_the_top_reasons_within_the_roundings_agree() -> None:
    given = Answer(0.40001, 240.01, -9.99, True, {**TOP, "contract": 12.305})
    assert difference(RIGHT, given) == ""


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (RIGHT._replace(points=TOP, risk=0.4001), "risk"),
        (RIGHT._replace(points=TOP, risk=float("nan")), "risk"),
        (RIGHT._replace(points=TOP, pltv=240.1), "pltv"),
        (RIGHT._replace(points=TOP, net_value=10.0), "net_value"),
        (RIGHT._replace(points=TOP, ltv_minus=False), "ltv_minus"),
        (RIGHT._replace(points={**TOP, "contract": 12.2}), "points of contract"),
        (RIGHT._replace(points={"tech_support": -6.1, "streaming_tv": 3.6, "phone": 0.2}), "contract"),
    ],
)
def test_each_difference_is_named(given: Answer, fault: str) -> None:
    assert fault in difference(RIGHT, given)


def test_which_side_of_zero_is_open_where_the_net_value_is_zero_within_rounding() -> None:
    right = RIGHT._replace(net_value=0.005, ltv_minus=False)
    assert difference(right, right._replace(net_value=-0.004, ltv_minus=True)) == ""


def test_a_batch_with_an_error_in_it_is_no_answer() -> None:
    with pytest.raises(LoadtestError, match="unknown feature"):
        of_batch({"results": [{"prospect_id": "a", "error": {"detail": "unknown feature"}}]})


def test_an_answer_without_the_store_is_no_answer() -> None:
    with pytest.raises(LoadtestError, match="degraded"):
        of_batch({"results": [{"prospect_id": "a", "degraded": True}]})


def test_peers_are_read_alike_within_their_protocols() -> None:
    reasons = [{"feature": "contract", "points": 3}]
    assessment = {"risk": 0.5, "pltv": 1, "net_value": 2, "ltv_minus": False, "reasons": reasons}
    [read] = of_mlserver({"outputs": [{"data": [json.dumps(assessment)]}]})
    assert read == Answer(0.5, 1, 2, ltv_minus=False, points={"contract": 3})
    assert of_peer(assessment) == [read]
