"""Findings of a real model, fitted quickly with settings that are not chosen, for the report's tests."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from sklearn.base import clone

from models.assess import Assessments, Assessor
from models.bundle import BookSummary, open_bundle
from models.policy import DEFAULT
from training.audit.dataquality import data_quality
from training.audit.fairness import audit_fairness
from training.audit.leakage import check_leaks
from training.audit.worth import worth
from training.backtest.backtest import backtest
from training.economics.economics import economics
from training.economics.values import money_inputs
from training.evaluation.compare import Comparison
from training.evaluation.contest import PeerRow
from training.evaluation.evaluate import evaluate, grouping
from training.evaluation.holdout import HeldOut, hold_out
from training.evaluation.measure import Figure
from training.exporting.export import ModelCard, draft
from training.model.hazard import AdditiveHazardClassifier
from training.reading.book import read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes, structured
from training.report.findings import Findings

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def findings_of(path: Path, customers: int, pairs: tuple[tuple[int, int], ...] = ()) -> Findings:
    """What a quick fit of the book at `path` finds, on its first so many customers."""
    book = read_book(path)
    frame = ingest(book).frame.head(customers)
    contract = build_contract(book.features, frame)
    x, lives, weight = encode(contract, frame), lifetimes(book, frame), np.ones(len(frame))
    estimator = AdditiveHazardClassifier(
        horizon=book.lifetime.horizons[0],
        periods=book.periods,
        categorical=tuple(j for j, feature in enumerate(contract.features) if feature.kind == "category"),
        pairs=pairs,
        max_iter=50,
    )
    held_out = hold_out(book, estimator, frame, x, lives, weight)
    fitted = estimator.fit(x, structured(lives), weight)
    card = ModelCard(
        name=book.source.name,
        contract=contract,
        horizons=book.lifetime.horizons,
        period=book.source.period,
        currency=book.source.currency,
        money=book.money,
        other_exits=(),
        book=BookSummary(len(lives), int(lives.event.sum()), 0),
        id_column=book.source.id,
    )
    with tempfile.TemporaryDirectory() as folder:
        assessor = Assessor(open_bundle(draft(fitted, card, x, NOW).write(Path(folder))), DEFAULT)
    manifest = assessor.bundle.manifest
    rows = held_out.rows
    columns = {name: column[rows] for name, column in money_inputs(book.money, contract, frame).items()}
    judged = _judged(assessor.assess(x[rows], columns), held_out, manifest.horizons[0])
    on = {"en": "Customers held out.", "ja": "学習から除いた顧客です。"}
    return Findings(
        manifest=msgspec.structs.replace(manifest, version="", created_at="", files={}),
        tables=fitted.tables_,
        spread=tuple(np.full(len(table), 0.1) for table in fitted.tables_.effects),
        x=x,
        weight=weight,
        lives=lives,
        held_out=held_out,
        evaluation=evaluate(held_out, manifest.horizons[0], "held out", grouping(book, frame)),
        leaks=check_leaks(book, frame, contract, x, lives),
        worth=worth(clone(estimator), contract, x, lives, weight),
        quality=data_quality(book, contract, frame, x, lives, 0),
        fairness=audit_fairness(book, contract, frame[rows].select(book.protected), judged, held_out),
        economics=economics(book, contract, frame, x, lives, fitted.predict_survival_function(x)),
        backtest=backtest(assessor, judged, held_out.lives, columns, held_out.weight, on, replicates=50),
        comparison=_comparison(len(x)),
    )


def _judged(assessed: Assessments, held_out: HeldOut, horizon: int) -> Assessments:
    survival = held_out.survival.astype(np.float32)
    return msgspec.structs.replace(assessed, survival=survival, risk=1.0 - held_out.survival[:, horizon - 1])


def _comparison(n: int) -> Comparison:
    """Made up: fitting the peers takes minutes."""
    row = PeerRow(
        name="additive hazard (ours)",
        fit_seconds=1.4,
        mean_risk=0.206,
        c_index_ipcw=0.845,
        auc_at_horizon=0.894,
        brier_at_horizon=0.11,
        integrated_brier=0.094,
        loss_c_index_ipcw=None,
        loss_auc_at_horizon=None,
        loss_integrated_brier=None,
    )
    cox = msgspec.structs.replace(
        row,
        name="Cox",
        auc_at_horizon=0.889,
        loss_c_index_ipcw=Figure(-0.001, -0.002, 0.0005),
        loss_auc_at_horizon=Figure(-0.005, -0.007, -0.003),
        loss_integrated_brier=Figure(-0.0001, -0.0003, 0.0001),
    )
    return Comparison(
        name="made up",
        fingerprint="",
        customers=n,
        compared=n,
        split="customer",
        splits=5,
        horizon=12,
        tau=60,
        kaplan_meier_churn=0.21,
        rows=(row, cox),
        note="",
        left_out={"random survival forest": "too many customers"},
    )


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop table customers; --",
    "</style></svg><b>&amp;",
    "とても長い特徴量の名前" * 8,
    "a" * 120,
)


def hostile(findings: Findings) -> Findings:
    """The same findings about features and categories whose names mean harm, or are very long."""
    contract = findings.manifest.contract
    features = tuple(
        msgspec.structs.replace(
            feature,
            label={lang: f"{HOSTILE[j % len(HOSTILE)]} {j}" for lang in ("en", "ja")},
            categories=tuple(f"{HOSTILE[(j + k) % len(HOSTILE)]} {k}" for k in range(len(feature.categories))),
            unit=HOSTILE[j % len(HOSTILE)] if feature.kind == "number" else None,
        )
        for j, feature in enumerate(contract.features)
    )
    groups = tuple(
        msgspec.structs.replace(group, value=HOSTILE[k % len(HOSTILE)])
        for k, group in enumerate(findings.evaluation.groups)
    )
    manifest = msgspec.structs.replace(
        findings.manifest, name=HOSTILE[0], contract=msgspec.structs.replace(contract, features=features)
    )
    return msgspec.structs.replace(
        findings, manifest=manifest, evaluation=msgspec.structs.replace(findings.evaluation, groups=groups)
    )
