"""Recalibration: a bundle is brought to the level and the steepness of risk that newer customers show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from scipy.stats import norm

from models.bundle import Bundle, Manifest
from models.contract import Vector
from training.economics.values import customer_weights
from training.errors import DataError, ParityError
from training.evaluation.calibration_line import Line, fit_line, moved
from training.evaluation.evaluate import Evaluation, evaluate_bundle
from training.evaluation.measure import within
from training.exporting.export import PARITY_TOLERANCE, Draft, ModelCard, draft
from training.exporting.onnx_reader import read_estimator
from training.fit import METRICS, REPORT
from training.model.hazard import AdditiveHazardClassifier
from training.model.personperiods import Floats, SurvivalTarget, TimeGrid
from training.model.tables import Tables
from training.progress import bar, say
from training.reading.customers import fingerprint
from training.reading.encode import encode
from training.reading.labelled import labelled
from training.reading.lifetimes import Lifetimes, lifetimes
from training.recalibration_texts import IN_SAMPLE, Recalibration, noticed, sentences

CHURNERS = 100
"""Fewer leave the level uncertain by more than a tenth (Collins, Ogundimu and Altman 2016, Sample size considerations
for the external validation of a multivariable prognostic model)."""

LEVEL = 0.975
"""How sure the slope must be to lie above 0."""


def recalibrate(bundle: Bundle, path: Path, registry: Path, now: datetime) -> Path:
    """Recalibrate a bundle on the customers of the labelled book at `path`; returns the new bundle's folder.

    It is written under `registry/<name>` and does not go live. The figures are told on stderr.

    Raises:
        TrainingError: the book or its data cannot be used, the bundle was fitted on them, too few churned, or the
            model does not tell who of them churns.
        BundleError: the bundle was exported by an older Gatekeeper.
    """
    manifest = bundle.manifest
    with bar("reading") as progress:
        book, frame = labelled(bundle, path, now, progress)
    x, lives, weight = encode(manifest.contract, frame), lifetimes(book, frame), customer_weights(book, frame)
    if fingerprint(x, lives) == manifest.book.fingerprint:
        raise DataError(f"{path}: the bundle was fitted on these customers; recalibrate it on newer ones")
    target = _within(lives, manifest.periods)
    _need_churners(target, manifest, book.source.data)
    old = read_estimator(bundle)
    with bar("recalibrating"):
        _need_same(old, bundle, x)
        line = _line(old.tables_.log_odds(x), target, old.tables_.grid, weight, book.source.data)
        new = moved(old, line, x, weight)
    risks = float(np.average(old.tables_.risk(x), weights=weight)), new.base_
    found = _found(line, target, risks, manifest.version, book.source.name)
    with bar("exporting") as progress:
        drafted = _draft(new, manifest, found, x, now, progress)
    evaluation = evaluate_bundle(Bundle(bundle.folder, drafted.manifest, drafted.scorer), path, now)
    for sentence in sentences(found, evaluation.overall.kaplan_meier_churn):
        say(sentence)
    return drafted.write(registry, _further(bundle, evaluation, found))


def _within(lives: Lifetimes, periods: int) -> SurvivalTarget:
    """Lifetimes as far as the survival curve goes: who is still there at its end is censored."""
    return SurvivalTarget(
        entry=np.minimum(lives.entry, periods).astype(np.int64),
        exit=np.minimum(lives.exit, periods).astype(np.int64),
        event=within(lives, periods),
        classes=np.array([False, True]),
        timed=True,
    )


def _need_churners(target: SurvivalTarget, manifest: Manifest, data: str) -> None:
    churned = int(target.event.sum())
    if churned < CHURNERS:
        raise DataError(
            f"{data}: {churned} customers were seen to churn within {manifest.periods} {manifest.period}s; a "
            f"recalibration needs at least {CHURNERS}, add customers or wait until more have left"
        )


def _line(log_odds: Floats, target: SurvivalTarget, grid: TimeGrid, weight: Floats, data: str) -> Line:
    """The calibration line, as long as it surely rises.

    Raises:
        DataError: it may as well be level or fall.
    """
    if log_odds.min() == log_odds.max():
        raise DataError(f"{data}: to the bundle all of these customers are the same; fit a new one on them")
    line = fit_line(log_odds, target, grid, weight)
    error = np.sqrt(line.covariance[1, 1])
    if not line.slope > norm.ppf(LEVEL) * error:
        raise DataError(
            f"{data}: the slope is {line.slope:.2f} with standard error {error:.2f}, not surely above 0: the bundle "
            "does not tell who of these customers churns; fit a new one on them"
        )
    return line


def _found(line: Line, target: SurvivalTarget, risks: tuple[float, float], version: str, book: str) -> Recalibration:
    intercept_error, slope_error = np.sqrt(np.diag(line.covariance)).tolist()
    return Recalibration(
        from_version=version,
        book=book,
        customers=int((target.exit > target.entry).sum()),
        churned=int(target.event.sum()),
        intercept=line.intercept,
        intercept_error=intercept_error,
        slope=line.slope,
        slope_error=slope_error,
        p_value=line.p_value,
        expected_before=line.expected_before,
        expected_after=line.expected_after,
        observed=line.observed,
        risk_before=risks[0],
        risk_after=risks[1],
    )


def _need_same(old: AdditiveHazardClassifier, bundle: Bundle, x: Vector) -> None:
    """See that the estimator read back answers as the bundle."""
    for chunk in Tables.chunks(x):
        off = np.abs(old.predict_survival_function(chunk) - bundle.scorer(chunk).survival).max()
        if not off <= PARITY_TOLERANCE:
            raise ParityError(
                f"{bundle.folder}: read back, the model differs by {off:.2g} in survival, more than"
                f" {PARITY_TOLERANCE:g}; fit it again"
            )


def _draft(
    estimator: AdditiveHazardClassifier,
    manifest: Manifest,
    found: Recalibration,
    x: Vector,
    now: datetime,
    progress: Callable[[float], None],
) -> Draft:
    """The bundle of the recalibrated estimator: what its manifest says of the book it was fitted on stays."""
    card = ModelCard(
        name=manifest.name,
        contract=manifest.contract,
        horizons=manifest.horizons,
        period=manifest.period,
        currency=manifest.currency,
        money=manifest.money,
        other_exits=manifest.other_exits,
        book=manifest.book,
        id_column=manifest.id_column,
    )
    drafted = draft(estimator, card, x, now, lambda done, total: progress(done / total))
    settings = drafted.manifest.settings | {"recalibrated": msgspec.to_builtins(found)}
    return drafted._replace(manifest=msgspec.structs.replace(drafted.manifest, settings=settings))


def _further(bundle: Bundle, evaluation: Evaluation, found: Recalibration) -> dict[str, bytes]:
    """The bundle's further files: its metrics on the newer book, and the report of the old one, marked as such."""
    evaluation = msgspec.structs.replace(evaluation, note=IN_SAMPLE)
    files = {METRICS: msgspec.json.format(msgspec.json.encode(evaluation), indent=1)}
    if REPORT in bundle.manifest.files:
        files[REPORT] = noticed((bundle.folder / REPORT).read_bytes(), found)
    return files
