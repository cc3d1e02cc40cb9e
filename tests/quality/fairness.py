"""The fairness audit against the truth of simulated books, against chance, and on the Telco sample."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from models.bundle import Bundle
from tests.support.fairness import assessed, audit_of, audited, fitted
from tests.support.simulated import book_of, lives_of
from tests.support.tables import Row, report
from training.audit.fairness import GroupAudit
from training.audit.fairness_survival import false_alarms
from training.evaluation.intervals import Estimate, Rate, ratio
from training.reading.book import FairnessTerms, read_book
from training.reading.ingest import ingest
from training.reading.lifetimes import Lifetimes, lifetimes
from training.sample import write_telco
from training.simulate import Simulated, simulate
from training.simulator.scenario import Scenario

CUSTOMERS, SEEDS, HORIZON = 20_000, range(5), 12
LEARNED_FROM = 1000
"""Seed of the customers that the simulated books' models learn from."""

DRAWS = 1000
SIZES, RATES = ((40, 1000), (100, 1000), (1000, 1000)), ((0.02, 0.02), (0.1, 0.1), (0.25, 0.2))


def main() -> int:
    """Measure and print three tables; 1 when the audit warns of chance or misses the planted proxy."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for proxy in (False, True) for row in _simulated(Path(folder), proxy=proxy)]
        report("fairness", f"Audits of {CUSTOMERS:,} simulated customers, gender", rows)
        report("fairness-telco", "Audit of half of the Telco sample, by a model of the other", _telco(Path(folder)))
    report("fairness-chance", f"Intervals of false-alarm ratios, {DRAWS} draws", list(_chance()))
    return 0 if all(row["as_planted"] for row in rows) else 1


def _simulated(folder: Path, *, proxy: bool) -> list[Row]:
    """The audit's figures for women, beside those of the truth."""
    scenario = Scenario(proxy=proxy)
    seen = simulate(CUSTOMERS, LEARNED_FROM, scenario)
    bundle = fitted(book_of(seen), seen.frame, lives_of(seen), folder / str(proxy))
    return [_row(bundle, simulate(CUSTOMERS, seed, scenario), seed, proxy=proxy) for seed in SEEDS]


def _row(bundle: Bundle, simulated: Simulated, seed: int, *, proxy: bool) -> Row:
    begun = time.perf_counter()
    audit = audit_of(bundle, simulated)
    took = time.perf_counter() - begun
    women, first = audit.columns[0].groups[1], audit.columns[0].proxies[0]
    told = "women_in_business_member"
    return {
        "name": f"{'proxy' if proxy else 'plain'}, seed {seed}",
        **_rates(women),
        "true_false_alarms": _true_false_alarms(bundle, simulated, "female"),
        "first_auc_low": first.auc.low,
        "first_points": first.carried_points,
        "gap_points": women.gap_points,
        "findings": ", ".join(found.kind for found in audit.findings),
        "as_planted": (first.feature == told and first.found) if proxy else not audit.findings,
        "seconds": took,
    }


def _rates(group: GroupAudit) -> Row:
    times, off = group.false_alarm_ratio, group.expected_over_observed
    return {
        "false_alarms": group.false_alarms.value if group.false_alarms else "",
        "ratio": times.value if times else "",
        "ratio_low": times.low if times else "",
        "ratio_high": times.high if times else "",
        "expected_over_observed": off.value if off else "",
        "eo_low": off.low if off else "",
        "eo_high": off.high if off else "",
    }


def _true_false_alarms(bundle: Bundle, simulated: Simulated, gender: str) -> float:
    """The share warned of those who stay, known or not, and whose margin is not at fault."""
    found = assessed(bundle, book_of(simulated), simulated.frame)
    left_in = simulated.truth["left_in"].to_numpy()
    inside = (simulated.frame["representative_gender"] == gender).to_numpy()
    stays = inside & ((left_in == 0) | (left_in > HORIZON)) & (found.value.cause != 1)
    return float((found.action[stays] != 0).mean())


def _telco(folder: Path) -> list[Row]:
    """The audit of one half of the customers, by a model of the other half."""
    book = read_book(write_telco(folder))
    frame = ingest(book).frame
    lives, seen = lifetimes(book, frame), np.random.default_rng(0).random(len(frame)) < 0.5
    bundle = fitted(book, frame.filter(pl.Series(seen)), lives.take(seen), folder)
    audit = audited(bundle, book, frame.filter(pl.Series(~seen)), lives.take(~seen))
    return [
        {
            "name": f"{column.column} = {group.group}",
            "customers": group.customers,
            **_rates(group),
            "gap_points": group.gap_points,
            "proxies": sum(proxy.found for proxy in column.proxies),
            "told_auc": column.told_by_all.value if column.told_by_all else "",
        }
        for column in audit.columns
        for group in column.groups
    ]


def _chance() -> list[Row]:
    """How often a false-alarm ratio's interval lies above or below the true one, customers censored and coming late."""
    rows: list[Row] = []
    for sizes in SIZES:
        for true in RATES:
            drawn = [_ratio(np.random.default_rng([seed, *sizes]), sizes, true) for seed in range(DRAWS)]
            known = [one for one in drawn if one is not None]
            rows.append(
                {
                    "name": f"{sizes[0]:,} beside {sizes[1]:,} customers, {true[0]:g} beside {true[1]:g}",
                    "told": len(known) / DRAWS,
                    "low_above_truth": sum(one.low > true[0] / true[1] for one in known) / DRAWS,
                    "high_below_truth": sum(one.high < true[0] / true[1] for one in known) / DRAWS,
                    "low_above_1.25": sum(one.low > FairnessTerms().max_ratio for one in known) / DRAWS,
                }
            )
    return rows


def _ratio(rng: np.random.Generator, sizes: tuple[int, int], true: tuple[float, float]) -> Estimate | None:
    rates = [_drawn_rate(rng, size, rate) for size, rate in zip(sizes, true, strict=True)]
    return ratio(rates[0], rates[1]) if rates[0] and rates[1] else None


def _drawn_rate(rng: np.random.Generator, n: int, rate: float) -> Rate | None:
    """Of n customers 0.7 stay, of these `rate` are warned and of the others 0.4; those warned are lost sooner."""
    leaves = rng.geometric(1.0 - 0.7 ** (1 / HORIZON), n)
    warned = rng.random(n) < np.where(leaves > HORIZON, rate, 0.4)
    entry = np.where(rng.random(n) < 0.5, rng.integers(0, 10, n), 0)
    end = entry + np.where(warned, rng.integers(1, 30, n), rng.integers(4, 60, n))
    lives = Lifetimes(
        entry=entry.astype(np.int32),
        exit=np.minimum(leaves, end).astype(np.int32),
        event=leaves <= end,
        other_exit=np.zeros(n, dtype=np.bool_),
    )
    here = leaves > entry
    return false_alarms(lives.take(here), np.ones(int(here.sum())), warned[here], HORIZON)


if __name__ == "__main__":
    sys.exit(main())
