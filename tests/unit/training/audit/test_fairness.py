"""The audit finds what was planted in a simulated book, and nothing where nothing was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from models.bundle import Bundle
from models.policy import DEFAULT, Policy, Rule
from tests.support.fairness import assessed, audit_of, audited, fitted
from tests.support.simulated import book_of, lives_of
from training.audit.fairness import FairnessAudit, refuse_unfair
from training.errors import DataError
from training.reading.book import FairnessTerms, read_book
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes
from training.simulate import Simulated, simulate
from training.simulator.scenario import Scenario

CUSTOMERS = 6000
PLAIN, PROXY = Scenario(), Scenario(proxy=True)
MEMBERS_REVIEWED = Policy((Rule(name="members", action="review", all=("women_in_business_member",)), *DEFAULT.rules))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    made = {}
    for name, scenario in (("plain", PLAIN), ("proxy", PROXY)):
        simulated = simulate(CUSTOMERS, 10, scenario)
        made[name] = fitted(book_of(simulated), simulated.frame, lives_of(simulated), tmp_path_factory.mktemp(name))
    return made


@pytest.fixture(scope="module")
def proxy_book() -> Simulated:
    return simulate(CUSTOMERS, 0, PROXY)


@pytest.fixture(scope="module")
def members_reviewed(bundles: dict[str, Bundle], proxy_book: Simulated) -> FairnessAudit:
    return audit_of(bundles["proxy"], proxy_book, MEMBERS_REVIEWED)


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_is_planted_nothing_is_found(bundles: dict[str, Bundle], seed: int) -> None:
    audit = audit_of(bundles["plain"], simulate(CUSTOMERS, seed))
    assert audit.findings == ()
    assert audit.comparisons == 2
    assert [column.reference for column in audit.columns] == ["male", "false"]


def test_chance_alone_makes_no_finding_however_many_columns_are_protected(bundles: dict[str, Bundle]) -> None:
    simulated, rng = simulate(CUSTOMERS, 1), np.random.default_rng(0)
    groups = {f"chance_{k}": rng.choice(list("abcde"), CUSTOMERS, p=[0.5, 0.3, 0.1, 0.07, 0.03]) for k in range(6)}
    book = msgspec.structs.replace(book_of(simulated), protected=tuple(groups))
    audit = audited(bundles["plain"], book, simulated.frame.with_columns(**groups), lives_of(simulated))
    assert audit.comparisons == 24
    assert audit.findings == ()


def test_a_planted_proxy_comes_first_and_carries_the_gap(bundles: dict[str, Bundle], proxy_book: Simulated) -> None:
    audit = audit_of(bundles["proxy"], proxy_book)
    gender = audit.columns[0]
    assert [proxy.feature for proxy in gender.proxies if proxy.found] == ["women_in_business_member"]
    proxy, women = gender.proxies[0], gender.groups[1]
    assert (proxy.feature, proxy.group, women.group) == ("women_in_business_member", "female", "female")
    assert proxy.auc.value == pytest.approx(
        0.5 + (0.7 - 0.03) / 2, abs=0.03
    )  # of a flag: half of how far its rates lie apart
    assert 0.7 < proxy.carried_points / women.gap_points < 1.3
    assert gender.told_group == "female"
    assert not any(proxy.found for proxy in audit.columns[1].proxies)


def test_the_model_sees_the_members_alone_so_that_womens_risk_is_underestimated(
    bundles: dict[str, Bundle], proxy_book: Simulated
) -> None:
    audit = audit_of(bundles["proxy"], proxy_book)
    assert [(found.kind, found.group) for found in audit.findings] == [("calibration", "female"), ("proxy", "female")]
    women, true = audit.columns[0].groups[1], proxy_book.truth["risk"].to_numpy()
    assert women.predicted_risk < true[(proxy_book.frame["representative_gender"] == "female").to_numpy()].mean()


def test_a_model_that_is_off_for_everybody_is_not_unfair(bundles: dict[str, Bundle]) -> None:
    simulated = simulate(CUSTOMERS, 0)
    audit = audited(bundles["plain"], book_of(simulated), simulated.frame, lives_of(simulated), hazard=1.5)
    assert audit.expected_over_observed is not None
    assert audit.expected_over_observed > 1.3
    assert audit.findings == ()


def test_rates_and_risks_are_those_of_the_truth(
    bundles: dict[str, Bundle], proxy_book: Simulated, members_reviewed: FairnessAudit
) -> None:
    found = assessed(bundles["proxy"], book_of(proxy_book), proxy_book.frame, MEMBERS_REVIEWED)
    left_in = proxy_book.truth["left_in"].to_numpy()
    stays = (left_in == 0) | (left_in > 12)
    pays = found.value.cause != 1
    for group in members_reviewed.columns[0].groups:
        inside = (proxy_book.frame["representative_gender"] == group.group).to_numpy()
        assert group.false_alarms is not None
        assert group.observed_risk is not None
        assert group.false_alarms.low <= (found.action != 0)[inside & stays & pays].mean() <= group.false_alarms.high
        assert group.observed_risk.low <= (~stays)[inside].mean() <= group.observed_risk.high
        shares = [group.actions[action].value for action in ("proceed", "review", "do_not_chase")]
        assert shares == pytest.approx([(found.action[inside] == code).mean() for code in range(3)])


def test_what_features_carry_adds_up_to_the_gap_in_risk(
    bundles: dict[str, Bundle], proxy_book: Simulated, members_reviewed: FairnessAudit
) -> None:
    risk = assessed(bundles["proxy"], book_of(proxy_book), proxy_book.frame).risk
    woman = (proxy_book.frame["representative_gender"] == "female").to_numpy()
    women = members_reviewed.columns[0].groups[1]
    assert sum(women.carried_points.values()) == pytest.approx(women.gap_points)
    assert women.gap_points == pytest.approx(100 * (risk[woman].mean() - risk[~woman].mean()), abs=0.02)


def test_a_policy_that_looks_twice_at_the_proxy_is_found_out(members_reviewed: FairnessAudit) -> None:
    found = members_reviewed.findings[0]
    women = members_reviewed.columns[0].groups[1]
    assert (found.kind, found.column, found.group) == ("false_alarms", "representative_gender", "female")
    assert women.false_alarm_ratio is not None
    assert women.false_alarm_ratio.low > 3
    assert women.action_ratios["review"] is not None
    assert women.action_ratios["review"].low > 2
    assert (
        f"{women.false_alarm_ratio.value:.2f} times as often (at least {women.false_alarm_ratio.low:.2f}"
        in found.text["en"]
    )
    assert f"{women.false_alarm_ratio.value:.2f}倍（少なくとも{women.false_alarm_ratio.low:.2f}倍" in found.text["ja"]  # noqa: RUF001 - Japanese


def test_the_largest_group_is_found_where_it_alone_suffers(bundles: dict[str, Bundle], proxy_book: Simulated) -> None:
    frame = proxy_book.frame.with_columns(member=pl.col("women_in_business_member").cast(pl.String))
    book = msgspec.structs.replace(book_of(proxy_book), protected=("member",))
    others = Policy((Rule(name="others", action="review", all=("not women_in_business_member",)),))
    audit = audited(bundles["proxy"], book, frame, lives_of(proxy_book), others)
    spared = audit.columns[0].groups[1].false_alarm_ratio
    assert spared is not None
    assert spared.low == 0.0
    found = audit.findings[0]
    assert (found.kind, found.group) == ("false_alarms", audit.columns[0].reference)


def test_the_largest_group_is_found_where_it_suffers(bundles: dict[str, Bundle], proxy_book: Simulated) -> None:
    others = Policy(
        (Rule(name="o", action="review", all=("not women_in_business_member", "seats >= 3")), *DEFAULT.rules)
    )
    found = audit_of(bundles["proxy"], proxy_book, others).findings[0]
    assert (found.kind, found.group) == ("false_alarms", "male")


def test_a_finding_stops_the_fit_only_where_the_book_says_so(
    proxy_book: Simulated, members_reviewed: FairnessAudit
) -> None:
    book = book_of(proxy_book)
    refuse_unfair(members_reviewed, book)
    strict = msgspec.structs.replace(book, fairness=FairnessTerms(action="refuse"))
    with pytest.raises(DataError) as refused:
        refuse_unfair(members_reviewed, strict)
    assert f"saas.toml: fairness: {members_reviewed.findings[0].text['en']}" in str(refused.value)
    assert " women_in_business_member carries +4." in str(refused.value)
    assert 'leave it out of [features], raise fairness.max_ratio, or set fairness.action = "warn"' in str(refused.value)
    unplanted = msgspec.structs.replace(members_reviewed, findings=members_reviewed.findings[1:])
    refuse_unfair(unplanted, strict)


def test_a_higher_limit_tolerates_more(bundles: dict[str, Bundle], proxy_book: Simulated) -> None:
    book = msgspec.structs.replace(book_of(proxy_book), fairness=FairnessTerms(max_ratio=50))
    audit = audited(bundles["proxy"], book, proxy_book.frame, lives_of(proxy_book), MEMBERS_REVIEWED)
    assert {found.kind for found in audit.findings} == {"calibration", "proxy"}


def test_the_missing_are_a_group_and_small_ones_are_not_judged(
    bundles: dict[str, Bundle], proxy_book: Simulated
) -> None:
    gender = proxy_book.frame["representative_gender"].to_list()
    gender[:200], gender[200:210] = [None] * 200, ["other"] * 10
    book = msgspec.structs.replace(book_of(proxy_book), protected=("representative_gender",))
    frame = proxy_book.frame.with_columns(representative_gender=pl.Series(gender))
    audit = audited(bundles["proxy"], book, frame, lives_of(proxy_book), MEMBERS_REVIEWED)
    judged = {group.group: group.judged for group in audit.columns[0].groups}
    assert judged == {"male": True, "female": True, "(missing)": True, "(others)": False}
    assert audit.comparisons == 2


def test_a_book_without_protected_columns_has_a_sentence_instead(
    bundles: dict[str, Bundle], proxy_book: Simulated
) -> None:
    book = msgspec.structs.replace(book_of(proxy_book), protected=())
    audit = audited(bundles["proxy"], book, proxy_book.frame, lives_of(proxy_book))
    assert audit.absent is not None
    assert set(audit.absent) == {"en", "ja"}
    assert (audit.columns, audit.findings) == ((), ())


def test_on_the_sample_gender_is_no_matter_and_age_can_be_told(telco_book: Path, tmp_path: Path) -> None:
    book = read_book(telco_book)
    frame = ingest(book).frame
    seen = np.random.default_rng(0).random(len(frame)) < 0.5
    lives = lifetimes(book, frame)
    bundle = fitted(book, frame.filter(pl.Series(seen)), lives.take(seen), tmp_path)
    audit = audited(bundle, book, frame.filter(pl.Series(~seen)), lives.take(~seen))
    female, senior = audit.columns[:2]
    assert not [found for found in audit.findings if found.column == "female"]
    assert not any(proxy.found for proxy in female.proxies)
    assert (senior.column, senior.proxies[0].found) == ("senior_citizen", True)
    assert msgspec.json.decode(msgspec.json.encode(audit), type=FairnessAudit) == audit
