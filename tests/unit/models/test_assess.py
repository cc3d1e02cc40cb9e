"""The assessment: one prospect or many, the same answer; and no one is turned away on no evidence."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from models.assess import BANDS, Assessor
from models.bundle import open_bundle
from models.contract import Contract, Scalar
from models.errors import PolicyError
from models.policy import ACTIONS, DEFAULT, read_policy
from tests.support.bundles import CONTRACT, SPREAD, SUPPORT, make_bundle

STRICT = read_policy('[[rules]]\nname = "no-one"\naction = "do_not_chase"\nany = ["risk >= 0", "not ltv_minus"]')
LOSS: dict[str, Scalar] = {"contract": "Month-to-month", "monthly_charges": 15.0, "paperless": True, "seats": 3}
GAIN: dict[str, Scalar] = {"contract": "Two year", "monthly_charges": 150.0, "paperless": False, "seats": 20}


@pytest.fixture(scope="module")
def assessor(tmp_path_factory: pytest.TempPathFactory) -> Assessor:
    return Assessor(open_bundle(make_bundle(tmp_path_factory.mktemp("registry"))), DEFAULT)


def encoded(*rows: dict[str, Scalar]) -> np.ndarray:
    return np.stack([CONTRACT.encode(row) for row in rows])


def test_a_batch_is_assessed_as_its_members_are_alone(assessor: Assessor) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal([1, 80, 0.5, 20], [1, 60, 0.3, 10], (200, 4)).astype(np.float32)
    x[:, 0] = rng.integers(-1, 3, 200)
    x[rng.random(x.shape) < 0.2] = np.nan
    sent = {"discount": np.where(rng.random(200) < 0.5, rng.random(200), np.nan)}
    together = assessor.assess(x, sent=sent)
    for i in range(200):
        alone = assessor.assess(x[i : i + 1], sent={"discount": sent["discount"][i : i + 1]})
        assert alone.risk[0] == pytest.approx(together.risk[i], abs=1e-6)
        assert alone.value.net_value[0] == pytest.approx(together.value.net_value[i], rel=1e-6, nan_ok=True)
        assert (alone.action[0], alone.rule[0], alone.band[0]) == (
            together.action[i],
            together.rule[i],
            together.band[i],
        )


def test_points_add_up_to_the_risk_beyond_the_base(assessor: Assessor) -> None:
    found = assessor.assess(encoded(LOSS, GAIN))
    assert found.points.sum(axis=1) == pytest.approx(100 * (found.risk - assessor.bundle.manifest.base), abs=1e-3)


def test_the_loss_is_turned_away_and_the_gain_is_not(assessor: Assessor) -> None:
    found = assessor.assess(encoded(LOSS, GAIN))
    assert [ACTIONS[code] for code in found.action] == ["do_not_chase", "proceed"]
    assert assessor.policy.rules[found.rule[0]].name == "default-do-not-chase"
    assert not found.capped.any()


def test_the_interval_of_the_risk_is_that_of_the_log_cumulative_hazard(assessor: Assessor) -> None:
    found = assessor.assess(encoded(LOSS, GAIN))
    cumulative = -np.log1p(-found.risk)
    reach = norm.ppf(0.9) * SPREAD  # 80 % of a normal variable lie within so much of its mean
    assert found.risk_low == pytest.approx(-np.expm1(-cumulative * np.exp(-reach)))
    assert found.risk_high == pytest.approx(-np.expm1(-cumulative * np.exp(reach)))
    assert found.support.tolist() == [SUPPORT, SUPPORT]


def test_without_bootstrap_the_interval_is_unknown_and_no_one_is_turned_away(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path, spread=None))
    found = Assessor(bundle, DEFAULT).assess(encoded(LOSS, GAIN))
    unknown = (found.risk_low, found.risk_high, found.value.net_value_low, found.value.net_value_high)
    assert np.isnan([*unknown, found.value.net_negative_probability]).all()
    assert [ACTIONS[code] for code in found.action] == ["review", "proceed"]
    survival = np.ones((2, bundle.manifest.periods), dtype=np.float32)
    surely = Assessor(bundle, DEFAULT).judge(
        encoded(LOSS, GAIN), bundle.scorer(encoded(LOSS, GAIN))._replace(survival=survival)
    )
    assert np.isnan([surely.risk_low, surely.risk_high]).all()


@pytest.mark.parametrize(
    ("spread", "support", "expected"),
    [(0.05, 100.0, "do_not_chase"), (3.0, 100.0, "review"), (0.05, 99.0, "review")],
    ids=["sure", "unsure", "hardly seen"],
)
def test_a_loss_on_thin_evidence_is_reviewed(tmp_path: Path, spread: float, support: float, expected: str) -> None:
    bundle = open_bundle(make_bundle(tmp_path, tilt=0.4, spread=spread, support=support))
    found = Assessor(bundle, DEFAULT).assess(encoded({**LOSS, "monthly_charges": 45.0}))
    assert found.value.ltv_minus[0]
    assert found.value.loss_probability[0] >= 0.6
    assert ACTIONS[found.action[0]] == expected


def test_curves_of_another_model_are_judged_by_the_same_money_and_policy(assessor: Assessor) -> None:
    x = encoded(LOSS, GAIN)
    scored = assessor.bundle.scorer(x)
    found = assessor.judge(x, scored._replace(survival=scored.survival[::-1]))
    assert found.risk.tolist() == assessor.assess(x).risk[::-1].tolist()
    assert found.points.tolist() == assessor.assess(x).points.tolist()


def test_bands_begin_at_thirty_and_sixty_percent(assessor: Assessor) -> None:
    found = assessor.assess(np.repeat(encoded(LOSS), 50, axis=0) + np.linspace(0, 300, 50, dtype=np.float32)[:, None])
    assert [BANDS[code] for code in found.band] == [
        "high" if risk >= 0.6 else "medium" if risk >= 0.3 else "low" for risk in found.risk
    ]


def test_missing_unknown_and_out_of_range_are_told_apart(assessor: Assessor) -> None:
    found = assessor.assess(encoded({"contract": "Weekly", "monthly_charges": 1e6, "seats": 10}))
    assert found.missing[0].tolist() == [False, False, True, False]
    assert found.unknown[0].tolist() == [True, False, False, False]
    assert found.out_of_range[0].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({**LOSS, "contract": "Weekly"}, "an unknown category"),
        ({}, "nothing known"),
        ({"contract": "Month-to-month"}, "money unknown"),
    ],
)
def test_want_of_evidence_lowers_the_action_to_review(assessor: Assessor, row: dict[str, Scalar], why: str) -> None:
    found = Assessor(assessor.bundle, STRICT).assess(encoded(row))
    assert ACTIONS[found.action[0]] == "review", why
    assert found.capped[0]


def test_a_missing_value_that_training_never_saw_lowers_the_action_and_one_that_it_saw_does_not(tmp_path: Path) -> None:
    features = [CONTRACT.features[0], *CONTRACT.features[1:]]
    for seen, expected in ((True, "do_not_chase"), (False, "review")):
        seats = type(features[3])(name="seats", kind="number", low=1.0, high=500.0, missing_seen=seen)
        contract = Contract((*features[:3], seats))
        assessor = Assessor(open_bundle(make_bundle(tmp_path, contract=contract)), STRICT)
        found = assessor.assess(contract.encode({**LOSS, "seats": None})[None, :])
        assert ACTIONS[found.action[0]] == expected


def test_reasons_are_ordered_by_absolute_points(assessor: Assessor) -> None:
    found = assessor.assess(encoded(LOSS, GAIN))
    top = assessor.top_reasons(found, 4)
    ordered = np.abs(np.take_along_axis(found.points, top, axis=1))
    assert (np.diff(ordered, axis=1) <= 0).all()


def test_a_policy_may_read_features_money_and_the_assessment(assessor: Assessor) -> None:
    text = """
        [[rules]]
        name = "small-and-discounted"
        action = "review"
        all = ["discount >= 0.3", "seats < 5", "contract == 'Month-to-month'"]
        any = ["band == 'high'", "cause == 'margin_negative'"]
        [[rules]]
        name = "slow"
        action = "review"
        any = ["break_even > 20", "pltv_to_cpa > 1"]
    """
    found = Assessor(assessor.bundle, read_policy(text)).assess(
        encoded(LOSS, GAIN), sent={"discount": np.array([0.3, np.nan])}
    )
    assert ACTIONS[found.action[0]] == "review"
    assert found.rule[0] == 0
    assert found.rule[1] == 1


@pytest.mark.parametrize(
    "condition",
    [
        "risk_low > 0",
        "risk_high < 1",
        "support >= 800",
        "net_value_low < 0",
        "net_value_high < 0",
        "net_negative_probability > 0.5",
    ],
)
def test_a_policy_may_read_how_sure_the_assessment_is(assessor: Assessor, condition: str) -> None:
    policy = read_policy(f'[[rules]]\nname = "r"\naction = "review"\nall = ["{condition}"]')
    assert ACTIONS[Assessor(assessor.bundle, policy).assess(encoded(LOSS)).action[0]] == "review"


@pytest.mark.parametrize(
    ("condition", "seats", "held"),
    [
        ("seats >= 0.7", 0.7, True),  # as float32, as a vector holds it, 0.7 is a little less
        ("seats != 0.7", 0.7, False),
        ("seats != 0.7", None, False),
        ("contract != 'One year'", 3, True),
        ("closing_cost == 250", 3, True),
        ("order_value != 1", 3, False),
    ],
)
def test_a_condition_holds_for_what_was_sent_and_never_for_the_unknown(
    assessor: Assessor, condition: str, seats: float | None, *, held: bool
) -> None:
    policy = read_policy(f'[[rules]]\nname = "r"\naction = "review"\nall = ["{condition}"]')
    found = Assessor(assessor.bundle, policy).assess(encoded({**LOSS, "seats": seats}))
    assert bool(found.rule[0] == 0) is held


@pytest.mark.parametrize("contract", [None, "Weekly"])
def test_an_unknown_category_meets_no_condition(assessor: Assessor, contract: str | None) -> None:
    policy = read_policy('[[rules]]\nname = "r"\naction = "review"\nall = ["contract != \'One year\'"]')
    found = Assessor(assessor.bundle, policy).assess(encoded({**LOSS, "contract": contract}))
    assert found.rule[0] == 1


def test_a_policy_that_reads_what_the_model_has_not_is_refused(assessor: Assessor) -> None:
    policy = read_policy('[[rules]]\nname = "r"\naction = "review"\nall = ["seets > 3"]')
    with pytest.raises(PolicyError, match="did you mean 'seats'"):
        Assessor(assessor.bundle, policy)
