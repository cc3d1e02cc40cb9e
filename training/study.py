"""The study: what is found about a book before its model is fitted, and about the model after."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from models.assess import Assessor, readable
from models.bundle import Bundle
from models.errors import PolicyError
from models.policy import DEFAULT, Policy
from models.registry import live_policy
from training.audit.dataquality import DataQuality, data_quality
from training.audit.fairness import audit_fairness
from training.audit.leakage import Leaks, check_leaks, refuse_leaks
from training.audit.worth import worth
from training.backtest.backtest import backtest
from training.backtest.texts import cross_fitted
from training.economics.economics import economics
from training.economics.values import money_inputs
from training.evaluation.compare import Comparison
from training.evaluation.evaluate import evaluate, grouping
from training.evaluation.holdout import hold_out
from training.exporting.export import Draft
from training.model.hazard import AdditiveHazardClassifier
from training.progress import bar, say
from training.reading.customers import Customers
from training.report.findings import Findings

PEERS = "peers.json"


class Checks(NamedTuple):
    """What the book's columns show before anything is fitted."""

    leaks: Leaks
    quality: DataQuality


def check(customers: Customers, rejected: int) -> Checks:
    """Look for leaks and bad columns, and tell of them.

    Raises:
        DataError: a feature knows what no lead can have.
    """
    book, frame, contract, x, lives, _ = customers
    with bar("checking"):
        quality = data_quality(book, contract, frame, x, lives, rejected)
        leaks = check_leaks(book, frame, contract, x, lives)
    for finding in quality.findings:
        say(f"note: {finding.en}")
    for row in leaks.features:
        if row.verdict in ("warn", "allowed"):
            say(f"note: {row.evidence[0].en}")
    refuse_leaks(leaks, book)
    return Checks(leaks, quality)


def study(
    customers: Customers, checks: Checks, estimator: AdditiveHazardClassifier, drafted: Draft, home: Path
) -> Findings:
    """Evaluate a fitted estimator on customers that copies of it have not seen, and gather all that the report tells.

    Args:
        customers: that it was fitted on.
        checks: of their book.
        estimator: fitted.
        drafted: its bundle.
        home: the model's folder in the registry, where the live policy is, and what `compare` has found.
    """
    book, frame, contract, x, lives, weight = customers
    with bar("holding customers out") as progress:
        held_out = hold_out(book, estimator, frame, x, lives, weight, progress)
    rows = held_out.rows
    assessor = Assessor(Bundle(home, drafted.manifest, drafted.scorer), _policy(drafted, home))
    # Their curves are by models that have not seen them; how sure those are is taken from the model of all.
    scored = drafted.scorer(x[rows])._replace(survival=held_out.survival.astype(np.float32))
    columns = money_inputs(book.money, contract, frame[rows])
    judged = assessor.judge(x[rows], scored, columns)
    with bar("evaluating") as progress:
        evaluation = evaluate(
            held_out,
            book.lifetime.horizons[0],
            "customers held out from the fit",
            grouping(book, frame),
            progress,
        )
    with bar("leaving features out") as progress:
        worths = worth(estimator, contract, x, lives, weight, progress)
    with bar("back-testing") as progress:
        on = cross_fitted(held_out.split)
        tested = backtest(assessor, judged, held_out.lives, columns, held_out.weight, on, progress=progress)
    with bar("auditing fairness"):
        fairness = audit_fairness(book, contract, frame[rows].select(book.protected), judged, held_out)
    for finding in fairness.findings:
        say(f"note: {finding.text['en']}")
    with bar("valuing"):
        survival = estimator.predict_survival_function(x)
        valued = economics(book, contract, frame, x, lives, survival)
    return Findings(
        manifest=drafted.manifest,
        tables=estimator.tables_,
        spread=tuple(np.sqrt((each**2).sum(axis=1)) for each in estimator.evidence_.deviations),
        x=x,
        weight=weight,
        lives=lives,
        held_out=held_out,
        evaluation=evaluation,
        leaks=checks.leaks,
        worth=worths,
        quality=checks.quality,
        fairness=fairness,
        economics=valued,
        backtest=tested,
        comparison=_comparison(home / PEERS, drafted.manifest.book.fingerprint),
    )


def _policy(drafted: Draft, home: Path) -> Policy:
    """The live policy, or the default one where the live one reads what this model does not have."""
    policy = live_policy(home)
    try:
        policy.compile(readable(drafted.manifest.contract, drafted.manifest.money))
    except PolicyError as error:
        say(f"note: {home / 'policy.toml'} does not fit this model: {error}; the back-test takes the default policy")
        return DEFAULT
    return policy


def _comparison(path: Path, fingerprint: str) -> Comparison | None:
    """What `compare` has found about the same customers, if it was run."""
    if not path.exists():
        return None
    try:
        comparison = msgspec.json.decode(path.read_bytes(), type=Comparison)
    except msgspec.DecodeError as error:
        say(f"note: {path}: {error}; run compare again")
        return None
    return comparison if comparison.fingerprint == fingerprint else None
