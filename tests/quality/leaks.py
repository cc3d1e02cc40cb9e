"""The leak guard's verdicts on books whose leaks are known, and the time that looking through a book takes."""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from tests.support.tables import Row, report
from training.audit.dataquality import data_quality
from training.audit.leakage import check_leaks
from training.audit.leaktests import Evidence
from training.audit.worth import worth
from training.model.hazard import AdditiveHazardClassifier
from training.progress import bar
from training.reading.book import Book, read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes
from training.sample import write_telco
from training.simulate import simulate, write_simulated
from training.simulator.scenario import Scenario

SEEDS = range(5)
CUSTOMERS, LARGE = 20_000, 1_000_000
SCENARIOS = {"plain": Scenario(), "drift": Scenario(drift=True), "leak": Scenario(leak=True)}
TOTAL, NPS = 'total_charges = { kind = "number" }', 'nps = { kind = "number" }'
LEAKS = {"logins_total", "left_why", "nps", "total_charges"}
"""What must stop where it is a feature; nothing else may."""


def main() -> int:
    """Judge the books, print the tables; 1 when a leak passes or an honest feature stops."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, bar("judging books") as progress:
        found += _verdicts("telco", _with(write_telco(Path(folder)), TOTAL))
        for seed in SEEDS:
            for name, scenario in SCENARIOS.items():
                path = write_simulated(Path(folder), simulate(CUSTOMERS, seed, scenario))
                found += _verdicts(f"simulated, {name}, seed {seed}", _with(path, NPS))
            progress((seed + 1) / len(SEEDS))
    report("leaks", "Features that are not ok", found)
    with tempfile.TemporaryDirectory() as folder, bar("timing") as progress:
        spent = [_seconds("telco", read_book(write_telco(Path(folder))))]
        progress(0.1)
        large = write_simulated(Path(folder), simulate(LARGE, 0), parquet=True)
        spent.append(_seconds(f"simulated, {LARGE:,} customers", read_book(large)))
    report("leaks-seconds", "Seconds on one core", spent)
    return 0 if all((row["verdict"] == "stop") == (row["feature"] in LEAKS) for row in found) else 1


def _with(path: Path, row: str) -> Book:
    """The book with one more feature."""
    path.write_text(path.read_text("utf-8").replace("[protected]", f"{row}\n[protected]", 1), "utf-8")
    return read_book(path)


def _verdicts(name: str, book: Book) -> list[Row]:
    frame = ingest(book).frame
    contract = build_contract(book.features, frame)
    leaks = check_leaks(book, frame, contract, encode(contract, frame), lifetimes(book, frame))
    return [
        {"name": name, "feature": row.feature, "verdict": row.verdict, "evidence": ", ".join(map(_told, row.evidence))}
        for row in leaks.features
        if row.verdict != "ok"
    ]


def _told(evidence: Evidence) -> str:
    figures = " ".join(f"{name} {value:.2f}" for name, value in evidence.figures.items())
    return f"{evidence.test} ({figures})" if figures else evidence.test


def _seconds(name: str, book: Book) -> Row:
    people = ingest(book)
    contract = build_contract(book.features, people.frame)
    x, lives = encode(contract, people.frame), lifetimes(book, people.frame)
    categorical = tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category")
    estimator = AdditiveHazardClassifier(book.lifetime.horizons[0], book.periods, categorical)
    clock = [time.process_time()]
    check_leaks(book, people.frame, contract, x, lives)
    clock.append(time.process_time())
    data_quality(book, contract, people.frame, x, lives, people.rejected)
    clock.append(time.process_time())
    worth(estimator, contract, x, lives)
    clock.append(time.process_time())
    leaks_s, quality_s, worth_s = (after - before for before, after in pairwise(clock))
    return {"name": name, "leaks_s": leaks_s, "data_quality_s": quality_s, "worth_s": worth_s}


if __name__ == "__main__":
    sys.exit(main())
