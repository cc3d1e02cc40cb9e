from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from loadtest.traffic import answers
from loadtest.traffic.answers import WrongAnswerError
from loadtest.traffic.prospects import Model, made_up

KNOWN = {"prospect_id": "L-1", "features": {"contract": "One year", "monthly_charges": 70}}


def changed(answer: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> bytes:
    """An answer with one thing wrong."""
    change(answer)
    return json.dumps(answer).encode()


def test_the_services_own_answers_are_right(client: TestClient[Litestar]) -> None:
    assert answers.scored(client.post("/v1/score", json=KNOWN).content, "L-1", known=True).risk.band
    unknown = client.post("/v1/score", json={"prospect_id": "L-2"}).content
    assert answers.scored(unknown, "L-2", known=False).degraded
    batch = {"prospects": [KNOWN, {"prospect_id": "L-2"}, {"prospect_id": "L-3", "features": {"none such": 1}}]}
    answers.scored_batch(client.post("/v1/score/batch", json=batch).content, ["L-1", "L-2", "L-3"], {1}, {2})
    answers.stored(client.put("/v1/prospects/L-1/features", json=KNOWN["features"]).content, "L-1")
    answers.refused(client.post("/v1/score", json={"prospect_id": 7}).content)


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.update(prospect_id="L-2"),
        lambda answer: answer.pop("risk"),
        lambda answer: answer["risk"].update(score=1.2, percent=120),
        lambda answer: answer["risk"].update(percent=answer["risk"]["percent"] + 1),
        lambda answer: answer.update(action="chase"),
        lambda answer: answer.update(degraded=True),
        lambda answer: answer.update(reasons=[]),
        lambda answer: answer["reasons"].append({**answer["reasons"][0], "points": 99.0}),
        lambda answer: answer.update(decision_id=""),
    ],
)
def test_a_wrong_answer_is_found(change: Callable[[dict[str, Any]], Any], client: TestClient[Litestar]) -> None:
    answer = client.post("/v1/score", json=KNOWN).json()
    with pytest.raises(WrongAnswerError):
        answers.scored(changed(answer, change), "L-1", known=True)


def test_whom_nothing_is_known_of_may_not_be_turned_away(client: TestClient[Litestar]) -> None:
    answer = client.post("/v1/score", json={"prospect_id": "L-2"}).json()
    with pytest.raises(WrongAnswerError, match="turned away"):
        answers.scored(changed(answer, lambda each: each.update(action="do_not_chase")), "L-2", known=False)


def test_a_batch_that_lacks_a_result_is_found(client: TestClient[Litestar]) -> None:
    body = client.post("/v1/score/batch", json={"prospects": [KNOWN]}).content
    with pytest.raises(WrongAnswerError, match="1 results for 2 prospects"):
        answers.scored_batch(body, ["L-1", "L-2"], set(), set())


def test_an_error_that_does_not_say_where_is_found() -> None:
    with pytest.raises(WrongAnswerError):
        answers.refused(b'{"type": "", "title": "Bad input", "status": 400, "detail": "wrong"}')


def test_prospects_made_up_from_the_models_description_are_accepted(client: TestClient[Litestar]) -> None:
    model = msgspec.json.decode(client.get("/v1/model").content, type=Model)
    for features in made_up(model, 50):
        answer = client.post("/v1/score", json={"prospect_id": "L-1", "features": features}).json()
        assert answer["missing"] == answer["unknown"] == answer["out_of_range"] == []
