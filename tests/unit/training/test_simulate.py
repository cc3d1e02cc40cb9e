"""The simulated book is what it says: believable, repeatable, honestly observed, and worth what its truth says."""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2, spearmanr

from tests.support.simulated import BARS, against_truth, book_of, c_index, lives_of
from training.__main__ import main
from training.errors import TrainingError
from training.reading.book import read_book
from training.reading.ingest import ingest
from training.reading.lifetimes import Lifetimes, kaplan_meier
from training.simulate import PLAIN, Simulated, simulate, write_simulated
from training.simulator.book import book_text
from training.simulator.scenario import Scenario
from training.simulator.truth import BASELINE, CONTRACT, CONTRACT_ROW, COURSE_OF, COURSES, MONTHS

CUSTOMERS = 20_000
TRUNCATED = Scenario(observed_from=dt.date(2024, 2, 29))
DRIFTING, LEAKING, UNFAIR = Scenario(drift=True), Scenario(leak=True), Scenario(proxy=True)


@cache
def simulated(seed: int = 0, scenario: Scenario = PLAIN) -> Simulated:
    return simulate(CUSTOMERS, seed, scenario)


def churn(lives: Lifetimes, month: int = 12) -> float:
    return float(1 - kaplan_meier(lives, month)[-1])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_book_is_as_hard_to_tell_and_loses_as_often_as_a_real_one(seed: int) -> None:
    book = simulated(seed)
    risk = book.truth["risk"].to_numpy()
    assert 0.65 <= c_index(lives_of(book), risk) <= 0.75
    assert 0.15 <= book.truth["ltv_minus"].to_numpy().mean() <= 0.25
    assert 0.20 <= risk.mean() <= 0.40
    assert churn(lives_of(book)) == pytest.approx(risk.mean(), abs=0.02)


@pytest.mark.parametrize("parquet", [False, True])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, parquet: bool) -> None:  # noqa: FBT001
    scenario = Scenario(drift=True, leak=True, proxy=True, observed_from=dt.date(2022, 4, 1))
    names = ["saas.parquet" if parquet else "saas.csv", "saas.toml", "truth.parquet"]
    for folder, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_simulated(tmp_path / folder, simulate(CUSTOMERS + 500, seed, scenario), parquet=parquet)
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == names
    for name in names:
        one, two, other = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two", "other"))
        assert one == two
        assert (one == other) == (name == "saas.toml")


@pytest.mark.parametrize("scenario", [PLAIN, TRUNCATED])
def test_lifetimes_are_the_months_drawn_for_all_who_were_seen_to_leave(scenario: Scenario) -> None:
    book = simulated(0, scenario)
    lives, left_in = lives_of(book), book.truth["left_in"].to_numpy()
    assert set(book.frame["signed_up"].dt.day()) == set(range(1, 32))
    assert lives.event.sum() > 1000
    np.testing.assert_array_equal(lives.exit[lives.event], left_in[lives.event])
    stayed = lives.observed & ~lives.event
    assert np.all((left_in[stayed] == 0) | (left_in[stayed] > lives.exit[stayed]))
    assert np.all(lives.observed[lives.event])


@pytest.mark.parametrize("scenario", [PLAIN, TRUNCATED, DRIFTING, UNFAIR])
def test_as_many_leave_in_each_month_as_the_true_hazards_expect(scenario: Scenario) -> None:
    book = simulated(1, scenario)
    lives, survival = lives_of(book), book.survival.astype(np.float64)
    hazard = 1 - survival / np.column_stack([np.ones(len(survival)), survival[:, :-1]])
    month = np.arange(1, survival.shape[1] + 1)
    at_risk = (lives.entry[:, None] < month) & (month <= lives.exit[:, None])
    expected, spread = (hazard * at_risk).sum(axis=0), (hazard * (1 - hazard) * at_risk).sum(axis=0)
    observed = np.bincount(lives.exit[lives.event], minlength=MONTHS + 1)[month]
    deviation = (observed - expected) ** 2 / spread
    assert chi2.sf(deviation.sum(), len(month)) > 0.001
    assert observed.sum() == pytest.approx(expected.sum(), abs=3.5 * np.sqrt(spread.sum()))


def test_the_parts_of_the_truth_add_up_to_its_hazards() -> None:
    book = simulated(0, Scenario(drift=True, proxy=True))
    contracts = book.frame["contract"].head(50)
    for row, name_of_contract in zip(book.truth.head(50).iter_rows(named=True), contracts, strict=True):
        contract = CONTRACT[CONTRACT_ROW[name_of_contract]]
        survival = 1.0
        for t in range(60):
            logit = BASELINE[t] + contract[t]
            for name, part in row.items():
                if name.startswith("part_"):
                    logit += part * COURSES[COURSE_OF.get(name.removeprefix("part_"), "steady")][t]
            survival *= 1 - 1 / (1 + np.exp(-logit))
            assert row[f"s_{t + 1}"] == pytest.approx(survival, rel=1e-5)


def test_net_value_is_the_sum_of_its_flows_by_the_terms_of_the_book() -> None:
    book = simulated()
    terms = tomllib.loads(book_text("saas.csv", PLAIN))["value"]
    for lead, truth in zip(book.frame.head(200).to_dicts(), book.truth.head(200).to_dicts(), strict=True):
        mine = {**terms, **terms["segments"]["plan"].get(lead["plan"], {})}
        mine |= terms["segments"]["channel"].get(lead["channel"], {})
        paid = lead["monthly_price"] * (1 - lead["requested_discount"])
        margin = paid * mine["gross_margin"] - lead["cost_to_serve"]
        stays, pltv = 1.0, 0.0
        for t in range(1, 61):
            pltv += stays * margin * (1 + mine["annual_discount_rate"]) ** (-(t - 1) / 12)
            stays = truth[f"s_{t}"]
        assert truth["pltv"] == pytest.approx(pltv, rel=1e-5, abs=1)
        assert truth["net_value"] == pytest.approx(pltv - mine["closing_cost"], rel=1e-5, abs=1)
        assert truth["ltv_minus"] == (truth["net_value"] < 0)


def test_a_book_that_leaves_out_who_had_left_is_right_with_observed_from_and_far_off_without() -> None:
    everybody, book = simulated(), simulated(0, TRUNCATED)
    truth = everybody.truth["risk"].to_numpy().mean()
    assert len(book.frame) < len(everybody.frame)
    assert book.frame.equals(everybody.frame.join(book.frame.select("customer_id"), on="customer_id", how="semi"))
    naive = Simulated(PLAIN, book.frame, book.truth)
    assert churn(lives_of(book)) == pytest.approx(truth, abs=0.02)
    assert churn(lives_of(naive)) < truth - 0.07


def test_drift_moves_what_early_and_late_sign_ups_do() -> None:
    def rise(scenario: Scenario) -> float:
        book = simulated(0, scenario)
        lives, year = lives_of(book), book.frame["signed_up"].dt.year().to_numpy()
        parts = [
            Lifetimes(*(getattr(lives, f)[here] for f in lives.__struct_fields__))
            for here in (year <= 2021, year >= 2024)
        ]
        return churn(parts[1]) - churn(parts[0])

    assert abs(rise(PLAIN)) < 0.03
    assert rise(DRIFTING) > 0.06


def test_the_planted_leaks_tell_the_tenure_and_who_left() -> None:
    book = simulated(0, LEAKING)
    lives = lives_of(book)
    here = ~lives.event
    tied = {
        name: spearmanr(book.frame[name].to_numpy()[here], lives.exit[here]).statistic
        for name in ("logins_total", "seats", "closing_pressure", "requested_discount")
    }
    assert tied.pop("logins_total") > 0.4
    assert max(map(abs, tied.values())) < 0.15
    assert book.frame["left_why"].is_not_null().to_numpy().tolist() == lives.event.tolist()
    assert {"logins_total", "left_why"} <= {feature.name for feature in book_of(book).features}
    assert book.frame.drop("logins_total", "left_why").equals(simulated().frame)


def test_the_planted_proxy_stands_in_for_a_protected_column_that_plays_a_part() -> None:
    def gap(book: Simulated) -> float:
        women = book.frame["representative_gender"] == "female"
        return float(book.truth["risk"].filter(women).mean() - book.truth["risk"].filter(~women).mean())  # type: ignore[operator, arg-type]

    book = simulated(0, UNFAIR)
    members = book.frame.filter("women_in_business_member")
    assert (members["representative_gender"] == "female").mean() > 0.7  # type: ignore[operator]
    assert gap(book) > 0.07
    assert abs(gap(simulated())) < 0.02
    assert "women_in_business_member" in {feature.name for feature in book_of(book).features}
    assert "representative_gender" in book_of(book).protected


def test_satisfaction_is_known_later_and_is_no_feature() -> None:
    book = simulated()
    lives, asked = lives_of(book), book.frame["nps"].is_not_null().to_numpy()
    assert lives.exit[asked].min() >= 6
    assert 0.2 < asked.mean() < 0.6
    assert "nps" not in {feature.name for feature in book_of(book).features}
    told = spearmanr(book.frame["nps"].to_numpy()[asked], book.truth["risk"].to_numpy()[asked]).statistic
    assert told < -0.2


@pytest.mark.parametrize("options", [(), ("--parquet", "--proxy", "--drift", "--observed-from", "2023-04-01")])
def test_the_written_book_fits_without_rejects(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path), "--customers", "1500", "--seed", "5", *options]) == 0
    path = Path(capsys.readouterr().out.splitlines()[-1])
    assert path == tmp_path / "saas.toml"
    assert ingest(read_book(path)).rejected == 0
    assert main(["fit", str(path), "--out", str(tmp_path / "registry"), "--replicates", "0"]) == 0
    assert not (tmp_path / "registry" / "saas" / "rejects.csv").exists()
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert truth["customer_id"].to_list() == ingest(read_book(path)).frame["customer_id"].to_list()


@pytest.mark.parametrize(
    ("customers", "seed", "scenario", "message"),
    [
        (0, 0, PLAIN, "simulate: 0 customers, seed 0: expected 1 or more, and 0 or more"),
        (1, -1, PLAIN, "simulate: 1 customers, seed -1: expected 1 or more, and 0 or more"),
        (1, 0, Scenario(observed_from=dt.date(2020, 3, 31)), "expected 2020-04-01 or later, before observed_until"),
        (1, 0, Scenario(observed_from=PLAIN.observed_until), "expected 2020-04-01 or later, before observed_until"),
        (1, 0, Scenario(observed_until=dt.date(1, 1, 1)), "observed_until 0001-01-01: expected 1900-01-01 or later"),
    ],
)
def test_a_book_that_cannot_be_is_refused(customers: int, seed: int, scenario: Scenario, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        simulate(customers, seed, scenario)


def test_a_day_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--out", str(tmp_path), "--observed-from", "31.3.2024"])
    assert "--observed-from: expected a date such as 2026-03-31, got '31.3.2024'" in capsys.readouterr().err


def test_a_leap_day_may_be_the_day_of_observation() -> None:
    leap = msgspec.structs.replace(PLAIN, observed_until=dt.date(2024, 2, 29))
    book = simulate(2000, 0, leap)
    assert book.frame["signed_up"].min() >= dt.date(2018, 3, 1)  # type: ignore[operator]
    assert lives_of(book).exit.max() <= MONTHS


def test_the_model_comes_near_the_truth() -> None:
    """Of a book of 6,000; what 20,000 give is held to its bars by `python -m tests.quality.simulated`."""
    figures = against_truth(simulate(6000, 0), simulate(CUSTOMERS, 1000))
    assert figures["c_share_of_oracle"] >= 0.92
    assert figures["loss_avoided_share"] >= BARS["loss_avoided_share"]
    assert 0.7 <= figures["risk_covered"] <= 0.92
    assert figures["risk_off"] <= 0.05
