"""A file of prospects becomes a file of assessments: same rows, same order, same scores as one by one."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.assess import BANDS, Assessor
from models.bundle import Bundle, open_bundle
from models.errors import PolicyError
from models.money import BOUNDS
from models.policy import ACTIONS, DEFAULT
from tests.support.bundles import MONEY, SUPPORT, make_bundle
from tests.support.readme import ROOT
from training import score as scoring
from training.errors import DataError
from training.reading import files

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
score = partial(scoring.score, now=NOW)

HEADER = "lead,contract,monthly_charges,paperless,seats,support_cost,channel"
ROWS = (
    "1,Month-to-month,80.5,1,3,8,partner",
    "2,Two year,30,0,100,2,web",
    "3,,,,,8,",
    "4,Weekly,150,yes,3,,web",
    "5,One year,300,no,1,20,partner",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(make_bundle(tmp_path_factory.mktemp("registry"), money=MONEY))


def leads(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "leads.csv"
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def test_scores_equal_those_given_one_by_one(tmp_path: Path, bundle: Bundle) -> None:
    out = tmp_path / "scores.parquet"
    assert score(bundle, leads(tmp_path, *ROWS), out, intervals=True, curves=True) == 0
    table = pl.read_parquet(out)
    assessor = Assessor(bundle, DEFAULT)
    assert len(table) == len(ROWS)
    for line, found in zip(ROWS, table.iter_rows(named=True), strict=True):
        _, contract, charges, paperless, seats, support, channel = line.split(",")
        x = bundle.contract.encode(
            {
                "contract": contract or None,
                "monthly_charges": float(charges) if charges else None,
                "paperless": {"1": True, "yes": True, "0": False, "no": False}.get(paperless),
                "seats": float(seats) if seats else None,
            }
        )
        columns = {"support_cost": np.array([float(support or "nan")]), "channel": np.array([channel])}
        one = assessor.assess(x[None, :], columns)
        assert found["risk_score"] == pytest.approx(one.risk[0], abs=1e-7)
        assert found["band"] == BANDS[one.band[0]]
        assert found["action"] == ACTIONS[one.action[0]]
        for name in ("pltv", "net_value", "pltv_to_cpa", "loss_probability"):
            assert found[name] == (pytest.approx(getattr(one.value, name)[0]) if one.value.known[0] else None)
        assert found["ltv_minus"] == (bool(one.value.ltv_minus[0]) if one.value.known[0] else None)
        assert found["break_even"] == (int(one.value.break_even[0]) or None)
        assert (found["risk_low"], found["risk_high"]) == pytest.approx((one.risk_low[0], one.risk_high[0]), abs=1e-7)
        assert found["support"] == one.support[0]
        for name in ("net_value_low", "net_value_high", "net_negative_probability"):
            assert found[name] == (pytest.approx(getattr(one.value, name)[0]) if one.value.known[0] else None)
        top = assessor.top_reasons(one, 3)[0]
        assert [found[f"reason_{i}"] for i in (1, 2, 3)] == [bundle.contract.names[j] for j in top]
        assert [found[f"points_{i}"] for i in (1, 2, 3)] == pytest.approx(one.points[0, top].tolist(), abs=1e-4)
        curve = [found[f"s_{t}"] for t in range(1, bundle.manifest.periods + 1)]
        assert curve == pytest.approx(one.survival[0].tolist(), abs=1e-6)
    assert table["net_value"].null_count() == 2  # of whom the charges, or the cost to serve, are unknown


def test_the_columns_are_those_of_the_design(tmp_path: Path, bundle: Bundle) -> None:
    score(bundle, leads(tmp_path, *ROWS), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().splitlines()[0] == (
        "id,risk_score,band,pltv,net_value,pltv_to_cpa,break_even,loss_probability,ltv_minus,action,"
        "reason_1,points_1,reason_2,points_2,reason_3,points_3"
    )


def test_intervals_come_behind_the_columns_of_the_design(tmp_path: Path, bundle: Bundle) -> None:
    score(bundle, leads(tmp_path, *ROWS), tmp_path / "s.csv", intervals=True, curves=True)
    header = (tmp_path / "s.csv").read_text().splitlines()[0]
    assert header.startswith("id,risk_score,")
    assert ",points_3,risk_low,risk_high,net_value_low,net_value_high,net_negative_probability,support,s_1," in header


def test_intervals_are_empty_from_a_bundle_without_bootstrap(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "registry", spread=None))
    score(bundle, leads(tmp_path, *ROWS), tmp_path / "s.csv", intervals=True)
    table = pl.read_csv(tmp_path / "s.csv")
    assert all(table[name].null_count() == len(ROWS) for name in scoring.INTERVALS)
    assert table["support"].to_list() == [SUPPORT] * len(ROWS)
    assert "do_not_chase" not in table["action"]


def test_a_bad_row_keeps_its_place_with_empty_cells(tmp_path: Path, bundle: Bundle) -> None:
    bad = ("x,One year,abc,1,1,1,web", "y,One year", "z,One year,10,1,1,-3,web", "v,One year,10,2,x,1,web")
    out = tmp_path / "scores.csv"
    assert score(bundle, leads(tmp_path, ROWS[0], *bad, ROWS[1]), out) == 4
    table = pl.read_csv(out)
    assert table["id"].to_list() == [2, 3, 4, 5, 6, 7]
    assert table["risk_score"].is_null().to_list() == [False, True, True, True, True, False]
    assert all(set(row[1:]) == {None} for row in table.rows()[1:5])
    rejects = pl.read_csv(tmp_path / "scores.rejects.csv", infer_schema=False)
    assert rejects.rows() == [
        ("leads.csv", "3", "monthly_charges", "abc", "expected a number"),
        ("leads.csv", "4", "", "y,One year", "expected 7 fields, got 2"),
        (
            "leads.csv",
            "5",
            "support_cost",
            "-3",
            f"cost_to_serve: expected a value from 0 to {BOUNDS['cost_to_serve'][1]:g}",
        ),
        ("leads.csv", "6", "paperless", "2", "expected true, false, 1, 0, yes or no"),
        ("leads.csv", "6", "seats", "x", "expected a number"),
    ]


def test_rejects_of_an_earlier_run_do_not_stay(tmp_path: Path, bundle: Bundle) -> None:
    out = tmp_path / "scores.csv"
    score(bundle, leads(tmp_path, "1,One year,abc,1,1,1,web"), out)
    assert (tmp_path / "scores.rejects.csv").exists()
    score(bundle, leads(tmp_path, *ROWS), out)
    assert not (tmp_path / "scores.rejects.csv").exists()


def test_chunks_do_not_change_the_answer(tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row.replace("1,", f"{i},", 1) if i % 9 else "ragged" for i, row in enumerate(ROWS * 100)]
    data = leads(tmp_path, *rows)
    score(bundle, data, tmp_path / "whole.csv", curves=True)
    monkeypatch.setattr(files, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(scoring, "ASSESSED", 7)
    score(bundle, data, tmp_path / "parts.csv", curves=True)
    whole, parts = pl.read_csv(tmp_path / "whole.csv"), pl.read_csv(tmp_path / "parts.csv")
    assert len(parts) == 500
    assert parts["id"].to_list() == whole["id"].to_list()
    numbers = [name for name, kind in whole.schema.items() if kind.is_float()]
    np.testing.assert_allclose(parts[numbers].to_numpy(), whole[numbers].to_numpy(), atol=1e-5)


def test_parquet_in_gives_what_csv_in_gives(tmp_path: Path, bundle: Bundle) -> None:
    data = leads(tmp_path, *ROWS)
    pl.read_csv(data).write_parquet(tmp_path / "leads.parquet")
    score(bundle, data, tmp_path / "a.parquet")
    score(bundle, tmp_path / "leads.parquet", tmp_path / "b.parquet")
    a, b = pl.read_parquet(tmp_path / "a.parquet"), pl.read_parquet(tmp_path / "b.parquet")
    assert a.drop("id").equals(b.drop("id"))
    assert (a["id"].to_list(), b["id"].to_list()) == (["2", "3", "4", "5", "6"], ["1", "2", "3", "4", "5"])


def test_texts_that_need_cleaning_score_as_those_that_do_not(tmp_path: Path, bundle: Bundle) -> None:
    frame = pl.read_csv(leads(tmp_path, *ROWS))
    score(bundle, leads(tmp_path, *ROWS), tmp_path / "s.csv")
    clean = pl.read_csv(tmp_path / "s.csv").drop("id")
    contracts = ["  Month-to-month ", "Two\u3000year", "", "Weekly", "One year"]
    for texts in (pl.Series(contracts), pl.Series(contracts, dtype=pl.Enum(contracts)), frame["contract"]):
        frame.with_columns(texts.alias("contract")).write_parquet(tmp_path / "leads.parquet")
        score(bundle, tmp_path / "leads.parquet", tmp_path / "s.csv")
        assert pl.read_csv(tmp_path / "s.csv").drop("id").equals(clean)
    torn = frame.with_columns(pl.Series("contract", [*contracts[:4], "One\nyear"]))
    torn.write_parquet(tmp_path / "leads.parquet")
    assert score(bundle, tmp_path / "leads.parquet", tmp_path / "s.csv") == 1
    assert pl.read_csv(tmp_path / "s.csv")["risk_score"].is_null().to_list() == [False] * 4 + [True]


def test_scoring_loads_nothing_that_only_fits_need() -> None:
    check = "import sys, training.score; assert not {'sklearn', 'scipy', 'onnx', 'pandas'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, timeout=60)


def test_no_rows_give_a_header(tmp_path: Path, bundle: Bundle) -> None:
    for ending in ("csv", "parquet"):
        assert score(bundle, leads(tmp_path), tmp_path / f"s.{ending}") == 0
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 1
    assert pl.read_parquet(tmp_path / "s.parquet").is_empty()


def test_without_the_column_of_a_money_term_the_value_is_unknown(
    tmp_path: Path, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ("1,One year,80,1,3", "2,Two year,30,0,9")
    score(bundle, leads(tmp_path, *rows, header="lead,contract,monthly_charges,paperless,seats"), tmp_path / "s.csv")
    table = pl.read_csv(tmp_path / "s.csv")
    assert table["risk_score"].null_count() == 0
    assert table["pltv"].null_count() == 2
    assert "has no column channel, support_cost, from which the book reads its money" in capsys.readouterr().err


def test_the_policy_is_the_models_own_unless_another_is_named(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "registry"))
    data, out = leads(tmp_path, *ROWS[:2]), tmp_path / "s.csv"
    rule = '[[rules]]\nname = "{0}"\naction = "{0}"\nall = ["risk >= 0"]\n'
    (bundle.folder.parent / "policy.toml").write_text(rule.format("review"))
    score(bundle, data, out)
    assert pl.read_csv(out)["action"].to_list() == ["review", "review"]
    (tmp_path / "p.toml").write_text(rule.format("do_not_chase"))
    score(bundle, data, out, policy_file=tmp_path / "p.toml")
    assert pl.read_csv(out)["action"].to_list() == ["do_not_chase", "do_not_chase"]
    (tmp_path / "p.toml").write_text("rules = 3")
    with pytest.raises(PolicyError):
        score(bundle, data, out, policy_file=tmp_path / "p.toml")


def test_what_cannot_be_scored_leaves_the_output_as_it_was(tmp_path: Path, bundle: Bundle) -> None:
    out = tmp_path / "s.csv"
    out.write_text("before")
    with pytest.raises(DataError, match=r"has no column 'contract', which .* names; did you mean 'contrat'"):
        score(bundle, leads(tmp_path, header=HEADER.replace("contract", "contrat")), out)
    with pytest.raises(DataError, match="a quote is left open"):
        score(bundle, leads(tmp_path, *ROWS, '"x,1\n2\n3'), out)
    with pytest.raises(DataError, match=r"s\.xlsx: expected an ending of \.csv or \.parquet"):
        score(bundle, leads(tmp_path, *ROWS), tmp_path / "s.xlsx")
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leads.csv", "s.csv"]
