"""What comes together is scored together, and nobody pays for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from models.assess import Assessor
from models.policy import DEFAULT, Policy, Rule
from service.answers import Answer, Style
from service.app import create_app
from service.errors import Overloaded
from service.resources import Resources
from service.scoring import Asked, checked
from service.ticks import PATIENCE_S
from service.wire import ScoreRequest
from tests.support.app import settings_for
from tests.support.valkey import Valkey

ENGLISH = Style("en")


def run(registry: Path, valkey: Valkey, scenario: Callable[[Resources], Awaitable[None]], **settings: str) -> None:
    async def main() -> None:
        app = create_app(settings_for(registry, valkey.url, **settings))
        async with app.lifespan():
            await scenario(app.state.resources)

    asyncio.run(main())


def asked(assessor: Assessor, prospect_id: str, style: Style = ENGLISH, **features: float) -> Asked:
    return checked(assessor, ScoreRequest(prospect_id, dict(features)), style)


def reads(valkey: Valkey) -> int:
    """MGETs that the store has seen."""
    with valkey.client() as client:
        return int(client.info("commandstats").get("cmdstat_mget", {"calls": 0})["calls"])


def risks(answers: list[Answer]) -> list[float]:
    return [answer.risk.score for answer in answers if answer.risk is not None]


def test_those_of_one_turn_share_a_round_trip_and_are_answered_as_alone(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        stored = {f"P-{i}": {"seats": 10 * i + 1, "monthly_charges": 10.0 + i} for i in range(150)}
        await resources.features.put(stored, assessor.contract, 0.0)
        alone = [await resources.ticks.join(assessor, asked(assessor, name)) for name in stored]
        before = reads(valkey)
        styles = [Style("ja", all_reasons=True) if i % 3 == 0 else ENGLISH for i in range(150)]
        together = await asyncio.gather(
            *(
                resources.ticks.join(assessor, asked(assessor, name, style))
                for name, style in zip(stored, styles, strict=True)
            )
        )
        assert reads(valkey) - before == 3  # 64 + 64 + 22
        assert [answer.prospect_id for answer in together] == list(stored)
        assert risks(together) == pytest.approx(risks(alone), abs=1e-6)
        assert len({answer.decision_id for answer in together}) == 150
        assert [len(answer.reasons) for answer in together[:3]] == [len(assessor.contract.features), 3, 3]
        assert (together[0].reasons[0].label, together[1].reasons[0].label) != ("", "")

    run(small_registry, valkey, scenario)


def test_who_stops_waiting_is_left_out(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        first, gone, last = (resources.ticks.join(assessor, asked(assessor, name)) for name in "abc")
        gone.cancel()
        assert [(await first).prospect_id, (await last).prospect_id] == ["a", "c"]
        only = resources.ticks.join(assessor, asked(assessor, "d"))
        before = reads(valkey)
        only.cancel()
        assert (await resources.ticks.join(assessor, asked(assessor, "e"))).prospect_id == "e"
        assert reads(valkey) - before == 1

    run(small_registry, valkey, scenario)


def test_one_that_cannot_be_scored_fails_alone(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        broken = Asked("broken", [(999, 0.0)], {}, ENGLISH)  # a column that no vector has
        members = [asked(assessor, "a"), broken, asked(assessor, "b")]
        answers = await asyncio.gather(
            *(resources.ticks.join(assessor, member) for member in members), return_exceptions=True
        )
        assert [getattr(answer, "prospect_id", None) for answer in answers] == ["a", None, "b"]
        assert isinstance(answers[1], IndexError)

    run(small_registry, valkey, scenario)


def test_one_whose_features_the_store_refuses_degrades_alone(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        await resources.features.put({name: {"seats": 3} for name in "abc"}, assessor.contract, 0.0)
        with valkey.client() as client:
            for key in client.keys("gk:default:v:*"):
                client.delete(key)
            spoilt = resources.features._keys("b")[0]
            client.delete(spoilt)
            client.set(spoilt, "of another type")
        answers = await asyncio.gather(
            *(resources.ticks.join(assessor, asked(assessor, name)) for name in ("a", "b", "c", "nobody"))
        )
        because = [answer.degraded_because for answer in answers]
        assert because == [None, "store_unavailable", None, "no_features"]

    run(small_registry, valkey, scenario)


def test_who_has_waited_too_long_for_a_turn_is_refused(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        late = resources.ticks.join(assessor, asked(assessor, "a"))
        time.sleep(0.005)  # noqa: ASYNC251 - the event loop is held up
        in_time = resources.ticks.join(assessor, asked(assessor, "b"))
        with pytest.raises(Overloaded):
            await late
        assert (await in_time).prospect_id == "b"

    run(small_registry, valkey, scenario, DEADLINE_MS="4")


def test_members_of_one_turn_are_answered_by_the_model_that_checked_them(small_registry: Path, valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        old = resources.live.assessor
        new = Assessor(old.bundle, Policy((Rule("nobody", "review", all=("risk >= 0",)), *DEFAULT.rules)))
        first, second, third = (
            resources.ticks.join(assessor, asked(assessor, "a", seats=5)) for assessor in (old, new, old)
        )
        assert [(await each).rule for each in (first, second, third)] == [
            "default-proceed",
            "nobody",
            "default-proceed",
        ]

    run(small_registry, valkey, scenario)


def test_who_comes_behind_a_slow_store_does_not_wait_for_those_before(small_registry: Path, own_valkey: Valkey) -> None:
    async def scenario(resources: Resources) -> None:
        assessor = resources.live.assessor
        await resources.ticks.join(assessor, asked(assessor, "warm"))
        await asyncio.sleep(PATIENCE_S)  # its run is over, and its answer out
        own_valkey.freeze()
        first = resources.ticks.join(assessor, asked(assessor, "a"))
        await asyncio.sleep(0)
        later = resources.ticks.join(assessor, asked(assessor, "b"))
        await asyncio.sleep(10 * PATIENCE_S)  # long enough to have gone, and far from the store's time-out
        assert len(resources.ticks._scored) == 2
        own_valkey.thaw()
        assert [(await first).prospect_id, (await later).prospect_id] == ["a", "b"]

    run(small_registry, own_valkey, scenario)
