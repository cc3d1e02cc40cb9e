"""The hold-out: a share of would-be warnings, always the same people, never those whom a hard rule turns away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.assess import Assessments, Assessor
from models.bundle import open_bundle
from models.policy import ACTIONS, DEFAULT, Policy, Rule
from service.holdout import Holdout, draw
from service.ids import Pseudonyms
from tests.support.bundles import CONTRACT

PEOPLE = [Pseudonyms(b"a secret of the tests alone").of(f"L-{n}") for n in range(4000)]


def judged(registry: Path, policy: Policy = DEFAULT, n: int = len(PEOPLE)) -> tuple[Assessor, Assessments]:
    """Prospects of whom all would be warned of, for they pay too little."""
    assessor = Assessor(open_bundle(next(path for path in (registry / "book").iterdir() if path.is_dir())), policy)
    x = np.tile(CONTRACT.encode({"contract": "Month-to-month", "monthly_charges": 11, "seats": 3}), (n, 1))
    return assessor, assessor.assess(x)


def test_the_share_that_is_set_is_held_out_and_shown_as_review_with_its_propensity(small_registry: Path) -> None:
    assessor, found = judged(small_registry)
    shown, propensities = Holdout(10).shown(assessor, found, PEOPLE)
    held_out = shown == ACTIONS.index("review")
    assert 0.08 < held_out.mean() < 0.12
    assert {ACTIONS[action] for action in found.action} == {"do_not_chase"}
    np.testing.assert_allclose(np.array(propensities)[held_out], 0.1)
    np.testing.assert_allclose(np.array(propensities)[~held_out], 0.9)


def test_the_same_person_is_drawn_the_same_way_alone_or_among_others_and_more_join_as_the_share_grows(
    small_registry: Path,
) -> None:
    assessor, found = judged(small_registry)
    few, _ = Holdout(5).shown(assessor, found, PEOPLE)
    many, _ = Holdout(20).shown(assessor, found, PEOPLE)
    assert set(np.flatnonzero(few == 1)) < set(np.flatnonzero(many == 1))
    one, alone = judged(small_registry, n=1)
    for place in range(40):
        assert Holdout(20).shown(one, alone, [PEOPLE[place]])[0][0] == many[place]


def test_draws_are_spread_evenly() -> None:
    counts, _ = np.histogram([draw(person) for person in PEOPLE], bins=10, range=(0, 1))
    assert 330 < counts.min() <= counts.max() < 470


@pytest.mark.parametrize(
    ("conditions", "held_out"),
    [
        (("contract == 'Month-to-month'",), False),
        (("discount >= 0", "monthly_charges < 20"), False),
        (("monthly_charges < 20", "ltv_minus"), True),
        ((), False),
    ],
)
def test_a_rule_that_reads_nothing_of_what_the_model_found_is_hard_and_never_held_out(
    small_registry: Path,
    conditions: tuple[str, ...],
    held_out: bool,  # noqa: FBT001
) -> None:
    policy = Policy((Rule("own", "do_not_chase", all=conditions),))
    assessor, found = judged(small_registry, policy)
    shown, propensities = Holdout(50).shown(assessor, found, PEOPLE)
    assert bool((shown != found.action).any()) is held_out
    assert (propensities == [1.0] * len(PEOPLE)) is not held_out


def test_nobody_is_held_out_unless_a_company_says_so(small_registry: Path) -> None:
    assessor, found = judged(small_registry)
    shown, propensities = Holdout(0).shown(assessor, found, PEOPLE)
    assert shown is found.action
    assert set(propensities) == {1.0}
