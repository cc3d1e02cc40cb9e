"""The back-test finds on censored history what the simulator knows, and nothing where there is nothing to find."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.assess import Assessments, Assessor
from models.bundle import BookSummary, Bundle, Manifest
from models.money import MoneyTerms
from models.policy import ACTIONS, DEFAULT, Policy, Rule
from models.scorer import Scored
from tests.support.simulated import book_of, lives_of
from training.backtest.backtest import Absent, Backtest, backtest
from training.backtest.curve import curve, order
from training.backtest.realised import History, Partition, outcomes, resample
from training.economics.values import money_inputs
from training.reading.encode import build_contract, encode
from training.reading.lifetimes import Lifetimes
from training.simulate import Simulated, simulate
from training.simulator.scenario import Scenario

CUSTOMERS = 20_000
PLAIN = Scenario()
ON = {"en": "simulated", "ja": "模擬"}


class Case(NamedTuple):
    """Simulated customers, judged by their true curves."""

    simulated: Simulated
    assessor: Assessor
    judged: Assessments
    lives: Lifetimes
    columns: dict[str, NDArray[np.generic]]

    @property
    def net_value(self) -> NDArray[np.float64]:
        return self.simulated.truth["net_value"].to_numpy()

    def backtest(self, which: NDArray[np.bool_] | None = None, **changed: Any) -> Backtest:
        """The back-test of some of them."""
        which = np.ones(len(self.lives), np.bool_) if which is None else which
        judged = msgspec.structs.replace(some(self.judged, which), **changed)
        columns = {name: column[which] for name, column in self.columns.items()}
        found = backtest(
            self.assessor, judged, self.lives.take(which), columns, np.ones(which.sum()), ON, replicates=60
        )
        assert isinstance(found, Backtest)
        return found


def some(judged: Assessments, which: NDArray[np.bool_]) -> Assessments:
    value = msgspec.structs.replace(
        judged.value, **{n: v[which] for n, v in msgspec.structs.asdict(judged.value).items()}
    )
    columns = {name: column[which] for name, column in msgspec.structs.asdict(judged).items() if name != "value"}
    return msgspec.structs.replace(judged, value=value, **columns)


class Known:
    """A scorer that surely knows the curves of the customers that it is asked for."""

    def __init__(self, survival: NDArray[np.float32]) -> None:
        self.survival = survival

    def __call__(self, x: NDArray[np.float32]) -> Scored:
        sure, many = np.zeros(len(x), dtype=np.float32), np.full(len(x), 1e6, dtype=np.float32)
        return Scored(self.survival, np.zeros_like(x), sure, many)


@cache
def case(seed: int = 0, scenario: Scenario = PLAIN, policy: Policy = DEFAULT) -> Case:
    simulated = simulate(CUSTOMERS, seed, scenario)
    book = book_of(simulated)
    contract = build_contract(book.features, simulated.frame)
    manifest = Manifest(
        name="saas",
        contract=contract,
        contract_hash=contract.hash,
        horizons=(12,),
        periods=60,
        period="month",
        currency="JPY",
        base=0.3,
        supported_periods=60,
        money=book.money,
        book=BookSummary(CUSTOMERS, 1, 0),
        settings={},
    )
    assessor = Assessor(Bundle(Path(), manifest, Known(simulated.survival)), policy)  # type: ignore[arg-type]
    columns = money_inputs(book.money, contract, simulated.frame)
    judged = assessor.assess(encode(contract, simulated.frame), columns)
    return Case(simulated, assessor, judged, lives_of(simulated), columns)


@cache
def found(seed: int = 0, scenario: Scenario = PLAIN, policy: Policy = DEFAULT) -> Backtest:
    return case(seed, scenario, policy).backtest()


@pytest.mark.parametrize("seed", [0, 1])
def test_what_each_rule_saves_is_what_the_truth_says(seed: int) -> None:
    known, tested = case(seed), found(seed)
    assert [rule.name for rule in tested.rules] == [rule.name for rule in known.assessor.policy.rules]
    avoid, look, keep = tested.rules
    for position, (rule, within) in enumerate(((avoid, 0.04), (look, 0.2), (keep, 0.04))):
        truth = known.net_value[(known.judged.rule == position) & known.lives.observed]
        assert rule.customers == len(truth)
        assert rule.realised is not None
        assert rule.realised.value == pytest.approx(truth.mean(), rel=within)
        assert rule.realised.low_95 < rule.realised.low_80 < rule.realised.high_80 < rule.realised.high_95
        assert rule.saved is not None
        assert rule.saved.value == pytest.approx(-rule.customers * rule.realised.value)
        assert rule.predicted == pytest.approx(truth.mean(), rel=1e-5)
    assert avoid.saved is not None
    assert avoid.saved.low_95 > 0


def test_who_is_turned_away_wrongly_is_as_many_as_the_truth_says() -> None:
    known, tested = case(), found()
    for position, rule in enumerate(tested.rules):
        hit = (known.judged.rule == position) & known.lives.observed
        assert rule.paid_back is not None
        assert rule.paid_back.value == pytest.approx(1 - known.judged.value.loss_probability[hit].mean(), abs=0.03)
        assert 0 < rule.known <= rule.customers


def test_the_policy_lies_on_the_profit_curve_near_its_best_point() -> None:
    known, tested = case(), found()
    avoided = known.judged.action == ACTIONS.index("do_not_chase")
    assert tested.place.share == pytest.approx(avoided[known.lives.observed].mean())
    assert tested.place.gain.value == pytest.approx(-100 * known.net_value[avoided].sum() / CUSTOMERS, rel=0.04)
    by_value, by_risk = tested.curves
    assert by_value.best.beats_nobody
    assert by_value.best.gain.value > by_risk.best.gain.value
    assert by_value.best.share.low_95 <= (known.net_value < 0).mean() <= by_value.best.share.high_95
    assert 0 <= tested.place.behind_best.value < 0.1 * by_value.best.gain.value


def test_the_curves_run_from_nobody_to_everybody_through_the_thresholds_that_people_ask_for() -> None:
    known, tested = case(), found()
    for line in tested.curves:
        lengths = {
            len(getattr(line, name)) for name in ("share", "gain", "low_80", "high_95", "paid_back", "threshold")
        }
        assert lengths == {len(line.share)}
        assert (line.share[0], line.share[-1], line.gain[0]) == (0.0, 1.0, 0.0)
        assert list(line.share) == sorted(line.share)
        assert line.gain[-1] == pytest.approx(-100 * tested.taking_all.value)
    by_value, by_risk = tested.curves
    seen = known.lives.observed
    assert by_value.share[by_value.threshold.index(0.0)] == pytest.approx((known.net_value < 0)[seen].mean(), abs=1e-3)
    for threshold in (0.3, 0.6, 0.9):
        at = [
            point for point, told in enumerate(by_risk.threshold) if told is not None and abs(told - threshold) < 1e-9
        ]
        assert by_risk.share[at[0]] == pytest.approx((known.judged.risk >= threshold)[seen].mean())


def test_where_history_is_short_the_rest_is_carried_on_near_the_truth() -> None:
    known = case(1)
    late = (known.simulated.frame["signed_up"] > dt.date(2023, 6, 1)).to_numpy()
    tested = known.backtest(late)
    assert tested.periods < 40
    assert 0 < tested.beyond < tested.taking_all.value
    assert tested.taking_all.value == pytest.approx(known.net_value[late].mean(), rel=0.15)
    assert "rests on that" in " ".join(note["en"] for note in tested.notes)
    assert "rests on that" not in " ".join(note["en"] for note in found(1).notes)


def test_with_late_entry_the_value_a_head_is_that_of_all_who_signed_up() -> None:
    late = Scenario(observed_from=dt.date(2023, 4, 1))
    known, tested = case(1, late), found(1, late)
    signed_up = case(1).net_value.mean()
    assert known.net_value.mean() > 1.08 * signed_up
    assert tested.taking_all.value == pytest.approx(signed_up, rel=0.05)
    assert any("came under observation late" in note["en"] for note in tested.notes)


def test_a_random_policy_saves_nothing_beyond_noise() -> None:
    known = case()
    n, rng = len(known.lives), np.random.default_rng(0)
    # The same closing cost for all makes the book break even, so that turning anybody away at random is a fair bet.
    dear = msgspec.structs.replace(
        known.assessor.bundle.manifest, money=MoneyTerms({"revenue": 1.0, "gross_margin": 1.0})
    )
    even = found_even(known, dear)
    blind = msgspec.structs.replace(known.judged.value, net_value=rng.normal(size=n))
    judged = msgspec.structs.replace(known.judged, value=blind, risk=rng.random(n), action=rng.integers(0, 3, n))
    tested = backtest(even, judged, known.lives, {}, np.ones(n), ON, replicates=60)
    assert isinstance(tested, Backtest)
    assert not any(line.best.beats_nobody for line in tested.curves)
    assert tested.place.gain.low_95 <= 0 <= tested.place.gain.high_95
    assert any("than turning nobody away" in note["en"] for note in tested.notes)


def found_even(known: Case, manifest: Manifest) -> Assessor:
    """An assessor whose customers bring in what closing costs, on average."""
    bundle = Bundle(Path(), manifest, known.assessor.bundle.scorer)
    n = len(known.lives)
    bare = backtest(Assessor(bundle, DEFAULT), known.judged, known.lives, {}, np.ones(n), ON, replicates=2)
    assert isinstance(bare, Backtest)
    terms = {**manifest.money.terms, "closing_cost": bare.taking_all.value}
    return Assessor(Bundle(Path(), msgspec.structs.replace(manifest, money=MoneyTerms(terms)), bundle.scorer), DEFAULT)


def test_a_rule_that_hits_nobody_has_no_figures() -> None:
    rules = Policy((Rule("never", "do_not_chase", all=("risk > 1",)), *DEFAULT.rules))
    never = found(0, PLAIN, rules).rules[0]
    assert (never.customers, never.share, never.known) == (0, 0, 0)
    assert (never.predicted, never.realised, never.saved, never.paid_back) == (None, None, None, None)


def test_without_money_or_with_too_few_customers_there_is_a_reason() -> None:
    known = case()
    unknown = msgspec.structs.replace(known.judged.value, known=np.zeros(len(known.lives), np.bool_))
    judged = msgspec.structs.replace(known.judged, value=unknown)
    nothing = backtest(known.assessor, judged, known.lives, known.columns, np.ones(len(known.lives)), ON)
    assert isinstance(nothing, Absent)
    assert "money of no customer" in nothing.why["en"]
    few = np.arange(len(known.lives)) < 30
    columns = {name: column[few] for name, column in known.columns.items()}
    nothing = backtest(known.assessor, some(known.judged, few), known.lives.take(few), columns, np.ones(30), ON)
    assert isinstance(nothing, Absent)
    assert "Fewer than 50 customers" in nothing.why["en"]


def test_customers_whose_money_is_unknown_are_left_out_and_counted() -> None:
    known = case()
    half = np.arange(len(known.lives)) % 2 == 0
    tested = known.backtest(value=msgspec.structs.replace(known.judged.value, known=half))
    assert tested.customers == (half & known.lives.observed).sum()
    assert any("whose money is not known" in note["en"] for note in tested.notes)


def test_the_result_is_json_and_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(found()), type=Backtest) == found()


def history(n: int, seed: int, *, ended: bool = True) -> History:
    rng = np.random.default_rng(seed)
    last = rng.integers(1, 11, n).astype(np.int32)
    event = np.ones(n, np.bool_) if ended else rng.random(n) < 0.6
    lives = Lifetimes(np.zeros(n, np.int32), last, event & (rng.random(n) < 0.8), np.zeros(n, np.bool_))
    lives = msgspec.structs.replace(lives, other_exit=event & ~lives.event)
    return History(
        lives, rng.normal(10, 5, n), rng.uniform(0, 50, n), rng.integers(0, 9, n), 0.99 ** np.arange(10.0), 10
    )


@given(n=st.integers(1, 60), groups=st.integers(1, 5), seed=st.integers(0, 1000))
def test_of_histories_that_have_ended_the_realised_value_is_the_plain_mean(n: int, groups: int, seed: int) -> None:
    past = history(n, seed)
    group = np.random.default_rng(seed).integers(0, groups, n)
    weight = np.random.default_rng(seed).integers(1, 4, n).astype(np.float64)
    ours = outcomes(past, Partition(group, groups), weight)
    value = past.margin * np.cumsum(past.discounting)[past.lives.exit - 1] - past.closing
    back = (past.break_even > 0) & (past.lives.exit >= past.break_even)
    for g in range(groups):
        here = group == g
        if not here.any():
            assert np.isnan([ours.realised[g], ours.paid_back[g]]).all()
            continue
        assert ours.heads[g] == weight[here].sum()
        assert ours.realised[g] == pytest.approx(np.average(value[here], weights=weight[here]), abs=1e-9)
        assert ours.paid_back[g] == pytest.approx(np.average(back[here], weights=weight[here]), abs=1e-9)


def test_nested_groups_are_the_unions_of_the_groups_before() -> None:
    past, weight = history(300, 3, ended=False), np.ones(300)
    group = np.random.default_rng(0).integers(0, 4, 300)
    nested = outcomes(past, Partition(group, 4, nested=True), weight)
    for g in range(4):
        union = outcomes(past, Partition((group > g).astype(np.int64), 2), weight)
        np.testing.assert_allclose([figure[0] for figure in union], [figure[g] for figure in nested])


@given(values=st.lists(st.integers(-3, 3), min_size=2, max_size=40), by=st.sampled_from(["net_value", "risk"]))
def test_whoever_is_predicted_the_same_is_turned_away_together(values: list[int], by: Any) -> None:
    prediction = np.array(values) / 10
    ordered = order(by, prediction)
    for point, threshold in enumerate(ordered.thresholds):
        away = prediction < threshold if by == "net_value" else prediction >= threshold
        assert 0 < away.sum() < len(prediction)
        np.testing.assert_array_equal(ordered.partition.group <= point, away)


def test_a_curve_over_customers_who_are_all_alike_turns_away_nobody_or_everybody() -> None:
    past, weight = history(200, 1, ended=False), np.ones(200)
    ordered = order("net_value", np.full(200, 5.0))
    [drawn] = resample(past, [ordered.partition], weight, 20)
    line = curve(ordered, outcomes(past, ordered.partition, weight), drawn)
    assert line.share == (0.0, 1.0)
    assert line.threshold == (None, None)
