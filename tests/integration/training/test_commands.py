"""The commands of the offline path, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import polars as pl
import pytest

from models.bundle import open_bundle
from tests.support.server import running
from training.__main__ import main

ROOT = Path(__file__).parents[3]


def training(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        # One thread: on a busy machine those of scikit-learn spin, and wait for each other.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the sample book, and a registry with its bundle."""
    folder = tmp_path_factory.mktemp("telco")
    assert training("sample", "telco", "--out", folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    fitted = training("fit", folder / "telco.toml", "--out", folder / "registry", "--replicates", "5")
    assert fitted.returncode == 0, fitted.stderr
    assert "11 rows rejected: 11 x tenure: expected 1 or more" in fitted.stderr
    return Path(fitted.stdout.splitlines()[-1])


def test_fit_prints_the_folder_of_a_live_bundle(folder: Path, bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest
    assert bundle == folder / "registry" / "telco" / manifest.version
    assert (bundle.parent / "current").read_text().strip() == manifest.version
    assert (manifest.book.customers, manifest.book.churned, manifest.book.rejected) == (7032, 1869, 11)
    assert manifest.id_column == "customer_id"
    assert len((bundle.parent / "rejects.csv").read_text().splitlines()) == 12
    metrics = json.loads((bundle / "metrics.json").read_text())
    assert (metrics["split"], metrics["overall"]["customers"], len(metrics["cohorts"])) == ("customer", 7032, 5)
    assert metrics["overall"]["c_index_ipcw"]["value"] > 0.83


def test_the_same_book_gives_the_same_bundle(bundle: Path, telco: Path) -> None:
    """In another process, at another time, into another registry."""
    assert telco.name == bundle.name
    assert telco.parent.parent != bundle.parent.parent


def test_activate_makes_a_bundle_the_live_one(bundle: Path) -> None:
    (bundle.parent / "current").write_text("another")
    assert training("activate", bundle).returncode == 0
    assert (bundle.parent / "current").read_text().strip() == bundle.name


def test_evaluate_prints_json(folder: Path, bundle: Path) -> None:
    run = training("evaluate", bundle, folder / "telco.toml")
    assert run.returncode == 0, run.stderr
    metrics = json.loads(run.stdout)
    held_out = json.loads((bundle / "metrics.json").read_text())
    assert (metrics["on"], metrics["split"]) == ("telco.csv", "none")
    assert metrics["overall"]["customers"] == held_out["overall"]["customers"] == 7032
    assert metrics["overall"]["c_index_ipcw"]["value"] > held_out["overall"]["c_index_ipcw"]["value"]


def test_score_writes_a_row_for_each_customer_in_order(folder: Path, bundle: Path) -> None:
    out = folder / "scores.csv"
    run = training("score", bundle, folder / "telco.csv", "--out", out, "--curves")
    assert run.returncode == 0, run.stderr
    table, book = pl.read_csv(out), pl.read_csv(folder / "telco.csv", infer_schema=False)
    assert table["id"].to_list() == book["customer_id"].to_list()
    assert table["risk_score"].mean() == pytest.approx(open_bundle(bundle).manifest.base, abs=2e-3)
    assert set(table["action"]) == {"proceed", "review", "do_not_chase"}
    assert table.columns[-1] == "s_60"
    assert (table["s_12"] + table["risk_score"] - 1).abs().max() == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("bundle")
def test_publish_brings_features_to_the_service_and_reports_what_it_refuses(folder: Path) -> None:
    leads = folder / "leads.csv"
    pl.read_csv(folder / "telco.csv", infer_schema=False).head(3).write_csv(leads)
    with leads.open("a") as file:
        file.write("telco-x,ragged\n")
    with running(folder, folder / "registry", "dev") as service:
        url = str(service.client.base_url)
        run = training("publish", leads, "--url", url, "--key", "dev")
        assert (run.returncode, run.stdout) == (1, "row 5: expected 21 fields, got 2\n"), run.stderr
        assert "3 prospects published, 1 not" in run.stderr
        stored = service.client.get("/v1/prospects/telco-0001/features")
        assert stored.status_code == httpx.codes.OK
        assert stored.json()["features"]["contract"] == "Month-to-month"
        refused = training("publish", leads, "--url", url, "--key", "wrong")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {url.rstrip('/')}/v1/model: answers 401")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("fit", "none.toml"), "none.toml: cannot be read (No such file or directory); give the path of a book"),
        (("fit", "bad.toml"), "bad.toml: book.period: expected one of day, week, month, quarter, year, got 'moon'"),
        (("activate", "nowhere"), "manifest.json: No such file or directory"),
        (("score", "BUNDLE", "none.csv", "--out", "s.csv"), "none.csv: cannot be read (No such file or directory)"),
        (("score", "BUNDLE", "telco.csv", "--out", "no/such/s.csv"), "such: No such file or directory; check the path"),
        (("score", "BUNDLE", "telco.csv", "--out", "s.csv", "--policy", "none"), "none: No such file or directory"),
        (("evaluate", "BUNDLE", "quarters.toml"), "counts in quarters, the bundle in months; use a matching book"),
        (("publish", "none.csv", "--url", "http://127.0.0.1:9", "--key", "k"), "none.csv: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path,
    bundle: Path,
    arguments: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    book = (folder / "telco.toml").read_text()
    (folder / "bad.toml").write_text(book.replace('"month"', '"moon"'))
    (folder / "quarters.toml").write_text(book.replace('"month"', '"quarter"'))
    monkeypatch.chdir(folder)
    assert main([{"BUNDLE": str(bundle)}.get(argument, argument) for argument in arguments]) == 2
    told = capsys.readouterr()
    assert expected in told.err
    assert told.err.startswith("error: ")
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


def test_a_command_that_fails_shows_no_traceback(folder: Path) -> None:
    run = training("fit", folder / "none.toml")
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {folder / 'none.toml'}: cannot be read")
    assert "Traceback" not in run.stderr
