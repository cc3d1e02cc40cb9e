"""Findings: everything that a fit knows and the report tells."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bundle import Manifest
from training.audit.dataquality import DataQuality
from training.audit.fairness import FairnessAudit
from training.audit.leakage import Leaks
from training.audit.worth import Worth
from training.backtest.backtest import Absent, Backtest
from training.economics.economics import Economics
from training.evaluation.compare import Comparison
from training.evaluation.evaluate import Evaluation
from training.evaluation.holdout import HeldOut
from training.model.tables import Tables
from training.reading.lifetimes import Lifetimes


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one model, fitted on n customers of F features.

    manifest: of the bundle, without version and files, which the report is part of. tables: the fitted model.
    spread: standard deviation of every f_j averaged over the horizon, by row of its table, from the bootstrap; empty
    without one. x: the encoded book, float32 [n, F]. weight: for how many customers each stands [n]. lives: theirs.
    None stands for what was not measured; the report then says what would measure it.
    """

    manifest: Manifest
    tables: Tables
    spread: tuple[NDArray[np.float64], ...] = ()
    x: NDArray[np.float32]
    weight: NDArray[np.float64]
    lives: Lifetimes
    held_out: HeldOut
    evaluation: Evaluation
    leaks: Leaks
    worth: Worth | None = None
    quality: DataQuality
    fairness: FairnessAudit
    economics: Economics
    backtest: Backtest | Absent
    comparison: Comparison | None = None
