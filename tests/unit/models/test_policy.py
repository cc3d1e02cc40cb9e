"""The policy: the first rule that matches decides, and a rule that cannot be read is refused with its remedy."""

import numpy as np
import pytest

from models.errors import PolicyError
from models.policy import ACTIONS, DEFAULT, Policy, read_policy

NAMES = {
    "ltv_minus": (),
    "loss_probability": (),
    "net_negative_probability": (),
    "support": (),
    "band": ("low", "medium", "high"),
    "discount": (),
    "plan": ("basic", "pro"),
}
COLUMNS = {
    "ltv_minus": np.array([1.0, 1.0, 0.0, 0.0, np.nan]),
    "loss_probability": np.array([0.7, 0.5, 0.1, 0.1, np.nan]),
    "net_negative_probability": np.array([0.9, 0.9, 0.1, 0.1, np.nan]),
    "support": np.full(5, 800.0),
    "band": np.array([0, 0, 2, 0, 2]),
    "discount": np.array([0.0, 0.3, 0.2, np.nan, 0.9]),
    "plan": np.array([0.0, np.nan, 1.0, 1.0, 0.0]),
}


def actions(policy: Policy) -> list[str]:
    _, action = policy.compile(NAMES).decide(COLUMNS, 5)
    return [ACTIONS[code] for code in action]


def rules(text: str) -> Policy:
    return read_policy(text)


def test_the_default_policy_turns_away_only_a_probable_loss() -> None:
    assert actions(DEFAULT) == ["do_not_chase", "review", "review", "proceed", "review"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "do_not_chase"),
        ({"ltv_minus": 0.0}, "proceed"),
        ({"loss_probability": 0.59}, "review"),
        ({"net_negative_probability": 0.79}, "review"),
        ({"net_negative_probability": np.nan}, "review"),
        ({"support": 99.0}, "review"),
        ({"loss_probability": 0.6, "net_negative_probability": 0.8, "support": 100.0}, "do_not_chase"),
    ],
)
def test_the_default_policy_turns_away_a_probable_loss_only_on_sure_and_broad_evidence(
    changed: dict[str, float], expected: str
) -> None:
    one = {name: column[:1] for name, column in COLUMNS.items()}
    one |= {name: np.array([number]) for name, number in changed.items()}
    _, action = DEFAULT.compile(NAMES).decide(one, 1)
    assert ACTIONS[action[0]] == expected


def test_the_first_rule_that_matches_decides_and_is_named() -> None:
    policy = rules("""
        [[rules]]
        name = "deep-discount"
        all = ["discount >= 0.3"]
        action = "do_not_chase"
        [[rules]]
        name = "any-discount"
        all = ["discount > 0"]
        action = "review"
    """)
    compiled = policy.compile(NAMES)
    rule, _ = compiled.decide(COLUMNS, 5)
    assert [compiled.rules[position].name for position in rule] == [
        "default-proceed",
        "deep-discount",
        "any-discount",
        "default-proceed",
        "deep-discount",
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ltv_minus", [1, 1, 0, 0, 0]),
        ("not ltv_minus", [0, 0, 1, 1, 0]),
        ("ltv_minus == true", [1, 1, 0, 0, 0]),
        ("discount != 0.3", [1, 0, 1, 0, 1]),
        ("discount <= 0.2", [1, 0, 1, 0, 0]),
        ("plan == 'pro'", [0, 0, 1, 1, 0]),
        ("plan != 'pro'", [1, 0, 0, 0, 1]),
    ],
)
def test_the_unknown_meets_no_condition(condition: str, expected: list[int]) -> None:
    policy = rules(f'[[rules]]\nname = "r"\nall = ["{condition}"]\naction = "review"')
    assert [int(action == "review") for action in actions(policy)] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rules]]", "name"),
        ('[[rules]]\nname = "r"\naction = "refuse"', "refuse|Invalid enum"),
        ('[[rules]]\nname = "r"\naction = "review"\nwhen = []', "when"),
        ("rules = ", "policy.toml"),
    ],
)
def test_a_file_that_states_no_policy_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        read_policy(text)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("discuont >= 0.3", "did you mean 'discount'"),
        ("discount >= lots", "neither a number nor a quoted string"),
        ("discount >=", "cannot read"),
        ("not discount >= 0.3", "turn the sign around"),
        ("", "cannot read"),
        ("discount >= 'high'", "is a number; compare like with like"),
        ("plan == 3", "is a text; compare like with like"),
        ("plan >= 'pro'", "is a text; compare it with == or !="),
        ("plan", "is a text; compare it with == or !="),
        ("band == 'hgih'", "is never 'hgih'.*did you mean 'high'"),
        ("discount >= nan", "compares with nothing"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_by_rule(condition: str, message: str) -> None:
    policy = rules(f'[[rules]]\nname = "mine"\nall = ["{condition}"]\naction = "review"')
    with pytest.raises(PolicyError, match=message) as refused:
        policy.compile(NAMES)
    assert "'mine'" in str(refused.value)


def test_two_rules_of_one_name_are_refused() -> None:
    rule = '[[rules]]\nname = "r"\naction = "review"\n'
    with pytest.raises(PolicyError, match="same name"):
        rules(rule + rule).compile(NAMES)


def test_the_hash_changes_with_the_rules() -> None:
    rule = '[[rules]]\nname = "r"\naction = "review"\n'
    assert rules(rule).hash == rules(rule).hash != DEFAULT.hash
