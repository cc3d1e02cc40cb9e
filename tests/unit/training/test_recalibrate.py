"""Recalibration: a bundle takes on the level and the steepness of newer customers, and stays a bundle in all else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import spearmanr

from models.assess import Assessor
from models.bundle import Bundle, open_bundle
from models.errors import BundleError
from models.policy import DEFAULT
from models.registry import activate, live_version
from tests.support.books import write_book
from tests.support.bundles import make_bundle
from training.errors import DataError
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import expected_events
from training.fit import fit
from training.reading.book import read_book
from training.reading.encode import encode
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes
from training.recalibrate import recalibrate
from training.recalibration_texts import Recalibration, noticed, sentences

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HEADER = "months,churned,seats,plan"
BOOK = """\
[book]
name = "made"
data = "small.csv"
currency = "JPY"
period = "month"

[lifetime]
tenure = "months"
tenure_counts = "started"
churned = "churned"
horizon = 12
value_horizon = 24

[value]
revenue = 100
gross_margin = 0.5
closing_cost = 300

[features]
seats = { kind = "number" }
plan = { kind = "category" }
"""


def people(seed: int, intercept: float = 0.0, slope: float = 1.0, n: int = 2500) -> list[str]:
    """Customers who stay the longer the more seats they have; the hazards are on a line over those of all others."""
    rng = np.random.default_rng(seed)
    seats, plan = rng.uniform(0, 10, n), rng.integers(0, 3, n)
    log_odds = -2.0 - 0.25 * seats + 0.8 * (plan == 1)
    left = rng.geometric(1 / (1 + np.exp(-intercept - slope * log_odds)))
    seen = rng.integers(1, 36, n)
    return [
        f"{min(a, b)},{'yes' if a <= b else 'no'},{s:.3f},{'abc'[p]}"
        for a, b, s, p in zip(left, seen, seats, plan, strict=True)
    ]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("old")
    return open_bundle(fit(write_book(folder, BOOK, HEADER, *people(0)), folder / "registry", NOW, replicates=5))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of customers who leave more readily, and differ less."""
    return write_book(tmp_path_factory.mktemp("newer"), BOOK, HEADER, *people(1, intercept=0.2, slope=0.7))


@pytest.fixture(scope="module")
def new(bundle: Bundle, newer: Path) -> Bundle:
    return open_bundle(recalibrate(bundle, newer, bundle.folder.parents[1], NOW))


def recalibrated(bundle: Bundle) -> dict[str, Any]:
    figures: dict[str, Any] = bundle.manifest.settings["recalibrated"]
    return figures


def x_of(bundle: Bundle, path: Path) -> np.ndarray:
    book = read_book(path)
    return encode(bundle.contract, ingest(book, bundle).frame)


def test_the_line_between_old_and_newer_customers_is_found(new: Bundle) -> None:
    found = recalibrated(new)
    assert abs(found["intercept"] - 0.2) < 3 * found["intercept_error"]
    assert abs(found["slope"] - 0.7) < 3 * found["slope_error"]
    assert found["p_value"] < 1e-6


def test_customers_like_those_of_the_training_book_hardly_move_it(bundle: Bundle, tmp_path: Path) -> None:
    alike = write_book(tmp_path, BOOK, HEADER, *people(7))
    found = recalibrated(open_bundle(recalibrate(bundle, alike, tmp_path / "registry", NOW)))
    assert abs(found["intercept"]) < 3 * found["intercept_error"]
    assert abs(found["slope"] - 1) < 3 * found["slope_error"]


def test_churn_comes_out_as_observed_among_newer_customers_and_the_next_like_them(
    bundle: Bundle, new: Bundle, newer: Path, tmp_path: Path
) -> None:
    next_ones = write_book(tmp_path, BOOK, HEADER, *people(2, intercept=0.2, slope=0.7))
    ratio = {}
    for name, model, path in (("old", bundle, next_ones), ("newer", new, newer), ("next", new, next_ones)):
        book = read_book(path)
        lives = lifetimes(book, ingest(book).frame)
        seen = (lives.event & (lives.exit <= model.manifest.periods)).sum()
        survival = model.scorer(x_of(model, path)).survival.astype(np.float64)
        ratio[name] = expected_events(survival, lives).sum() / seen
    assert ratio["old"] < 0.75
    assert ratio["newer"] == pytest.approx(1, abs=1e-4)
    assert ratio["next"] == pytest.approx(1, abs=0.07)  # 1,900 churned on either side: a standard error of 0.032


def test_hazards_are_those_of_the_old_curve_on_the_line(bundle: Bundle, new: Bundle, newer: Path) -> None:
    x, line = x_of(bundle, newer), recalibrated(new)
    survival = bundle.scorer(x).survival.astype(np.float64)
    hazard = 1 - survival / np.column_stack([np.ones(len(x)), survival[:, :-1]])
    odds = np.exp(line["intercept"]) * (hazard / (1 - hazard)) ** line["slope"]
    assert new.scorer(x).survival == pytest.approx(np.cumprod(1 / (1 + odds), axis=1), abs=1e-5)


def test_customers_keep_their_order(bundle: Bundle, new: Bundle, newer: Path) -> None:
    x = x_of(bundle, newer)
    before, after = (1 - model.scorer(x).survival[:, 11] for model in (bundle, new))
    assert spearmanr(before, after).statistic > 0.999
    assert after.mean() > before.mean() + 0.05
    assert np.ptp(after) < np.ptp(before)


def test_points_are_told_against_the_newer_customers(new: Bundle, newer: Path) -> None:
    scored = new.scorer(x_of(new, newer))
    risk = 1 - scored.survival[:, 11].astype(np.float64)
    assert new.manifest.base == pytest.approx(risk.mean(), abs=1e-6)
    assert np.abs(scored.points.sum(axis=1) - 100 * (risk - new.manifest.base)).max() < 0.05
    assert scored.points.mean(axis=0) == pytest.approx(0, abs=1e-3)


def test_the_new_bundle_serves_with_intervals_once_it_is_activated(bundle: Bundle, new: Bundle, newer: Path) -> None:
    home = bundle.folder.parent
    assert new.folder.parent == home
    assert live_version(home) == bundle.folder.name
    activate(new.folder)
    x = x_of(new, newer)
    judged = Assessor(new, DEFAULT).assess(x)
    activate(bundle.folder)
    assert ((judged.risk_low < judged.risk) & (judged.risk < judged.risk_high)).all()
    assert (judged.support == bundle.scorer(x).support).all()


def test_the_bundle_says_what_was_done_to_it(bundle: Bundle, new: Bundle) -> None:
    found = recalibrated(new)
    assert (found["from_version"], found["book"], found["customers"]) == (bundle.manifest.version, "made", 2500)
    assert new.manifest.book == bundle.manifest.book
    assert new.manifest.settings["estimator"] == bundle.manifest.settings["estimator"]
    metrics = msgspec.json.decode((new.folder / "metrics.json").read_bytes(), type=Evaluation)
    assert "were fitted on these customers" in metrics.note
    assert metrics.overall.expected_over_observed is not None
    assert metrics.overall.expected_over_observed.value == pytest.approx(1, abs=1e-4)


def test_the_old_report_says_first_that_it_is_of_the_old_model(bundle: Bundle, new: Bundle) -> None:
    page = (new.folder / "report.html").read_text("utf-8")
    for lang, sentence in (("en", "This report is about the model before"), ("ja", "再調整する前のモデルについて")):
        [(_, start)] = re.findall(rf'(<article lang="{lang}">)(.{{200}})', page, re.DOTALL)
        assert start.startswith(f'<div class="note warn" lang="{lang}"><p><strong>')
        assert sentence in start
    assert f"version {bundle.manifest.version}" in page
    old = (bundle.folder / "report.html").read_text("utf-8")
    assert re.sub('<div class="note warn" lang=".*?</div></div>', "", page) == old


def test_a_risk_within_the_horizon_that_came_out_worse_is_told(new: Bundle) -> None:
    found = msgspec.convert(recalibrated(new) | {"risk_before": 0.28, "risk_after": 0.26}, Recalibration)
    note = "within the horizon the old bundle is nearer"
    assert [observed for observed in (0.29, 0.26, 0.269, None) if note in " ".join(sentences(found, observed))] == [
        0.29
    ]


def test_a_book_whose_name_means_harm_is_escaped_in_the_notice(new: Bundle) -> None:
    found = msgspec.convert(recalibrated(new) | {"book": "<script>{version}"}, Recalibration)
    page = noticed(b'<article lang="en"></article><article lang="ja"></article>', found).decode()
    assert page.count("&lt;script&gt;{version}") == 2
    assert "<script" not in page


def test_a_second_time_nothing_changes(
    new: Bundle, newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = open_bundle(recalibrate(new, newer, tmp_path, NOW))
    found = recalibrated(again)
    assert found["intercept"] == pytest.approx(0, abs=1e-4)
    assert found["slope"] == pytest.approx(1, abs=1e-4)
    assert found["p_value"] == pytest.approx(1)
    assert "no need of recalibration is shown" in capsys.readouterr().err
    x = x_of(new, newer)
    assert again.scorer(x).survival == pytest.approx(new.scorer(x).survival, abs=1e-5)


def test_the_same_newer_customers_give_the_same_bundle(bundle: Bundle, new: Bundle, newer: Path) -> None:
    assert recalibrate(bundle, newer, bundle.folder.parents[1], NOW) == new.folder


def test_a_weight_counts_as_so_many_customers(bundle: Bundle, tmp_path: Path) -> None:
    rows, (once, repeated) = people(3, n=800), (tmp_path / "once", tmp_path / "repeated")
    once.mkdir()
    repeated.mkdir()
    weighted = BOOK.replace("[lifetime]", 'weight = "weight"\n[lifetime]', 1)
    counts = [1 + i % 3 for i in range(len(rows))]
    lines = [f"{row},{count}" for row, count in zip(rows, counts, strict=True)]
    one = write_book(once, weighted, HEADER + ",weight", *lines)
    many = write_book(repeated, BOOK, HEADER, *np.repeat(rows, counts).tolist())
    a, b = (open_bundle(recalibrate(bundle, path, tmp_path / "registry", NOW)) for path in (one, many))
    for figure in ("intercept", "slope", "slope_error", "p_value"):
        assert recalibrated(a)[figure] == pytest.approx(recalibrated(b)[figure], rel=1e-4)
    assert a.manifest.base == pytest.approx(b.manifest.base, abs=1e-6)


@pytest.mark.parametrize(
    ("book", "rows", "expected"),
    [
        (BOOK, people(0), "the bundle was fitted on these customers; recalibrate it on newer ones"),
        (BOOK, people(4, n=90), r"small.csv: \d\d customers were seen to churn within 24 months; .* at least 100, add"),
        (
            BOOK,
            people(5, -6.0, -1.0),
            "the slope is -.* not surely above 0: the bundle does not tell who .* fit a new one",
        ),
        (BOOK, people(6, -2.0, 0.0), "the slope is .* not surely above 0"),
        (BOOK.replace('"month"', '"quarter"'), people(1), "counts in quarters, the bundle in months"),
        (BOOK.replace('"yes"', '"no"'), ["5,no,3,a"] * 50, "0 of 50 customers churned"),
    ],
    ids=["training book", "too few", "reversed", "unrelated", "another unit", "nobody churned"],
)
def test_a_book_that_cannot_recalibrate_is_refused(
    bundle: Bundle, tmp_path: Path, book: str, rows: list[str], expected: str
) -> None:
    path = write_book(tmp_path, book, HEADER, *rows)
    with pytest.raises(DataError, match=expected):
        recalibrate(bundle, path, tmp_path / "registry", NOW)
    assert not (tmp_path / "registry").exists()


def test_a_book_without_a_feature_of_the_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    path = write_book(tmp_path, BOOK.replace("seats", "chairs"), HEADER.replace("seats", "chairs"), *people(1))
    with pytest.raises(DataError, match="seats"):
        recalibrate(bundle, path, tmp_path / "registry", NOW)


def test_a_bundle_without_named_tables_is_refused(tmp_path: Path) -> None:
    old = open_bundle(make_bundle(tmp_path))
    rows = [f"{row},{m},{int(m > 50)}" for m, row in enumerate(people(1, n=300))]
    book = BOOK[: BOOK.index("[features]")] + "[features]\nseats = { kind = 'number' }\n"
    path = write_book(
        tmp_path, book.replace("JPY", "USD"), "months,churned,seats,contract,monthly_charges,paperless", *rows
    )
    with pytest.raises(BundleError, match="exported by an older Gatekeeper"):
        recalibrate(old, path, tmp_path, NOW)
