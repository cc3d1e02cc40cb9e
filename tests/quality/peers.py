"""`make quality`: our model against its peers, on the frozen Telco protocol (see tests/quality/telco.py).

The peers take minutes, so they meet on the first split seeds only. The metrics are those of the protocol. The losses,
by how much ours is worse, are those of `training compare` in the same periods, and the bar stands at the upper end of
their 95 % interval by paired customer bootstrap. The seeds share their customers, so that a second one narrows nothing:
the ends of their intervals are averaged.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.quality.telco import BARS, BRIER_PERIODS, TAU, fold, metrics, split, telco
from tests.support.tables import Row, report
from training.evaluation.contest import play, rank
from training.evaluation.measure import Figure
from training.progress import bar, share

SEEDS = range(2)

LOSSES = {"c_index_ipcw": 0.003, "auc_at_horizon": 0.003, "integrated_brier": 0.0005}
"""At most, at the upper end of the interval."""


def main() -> int:
    """Play, print the table; 1 when a bar is missed, or a peer could not be fitted."""
    book, frame = telco()
    heats = [[fold(book, frame, train, test) for train, test in split(frame, book, seed)] for seed in SEEDS]
    with bar("fitting the peers") as progress:
        played = [play(heats[seed], progress=share(progress, seed, len(SEEDS))) for seed in SEEDS]
    ranked = [rank(heats[seed], played[seed], TAU, BRIER_PERIODS) for seed in SEEDS]
    rows: list[Row] = []
    for position, peer in enumerate(ranked[0]):
        each = [
            metrics(heat, curve)
            for seed in SEEDS
            for heat, curve in zip(heats[seed], played[seed].survival[peer.name], strict=True)
        ]
        rows.append(
            {
                "name": peer.name,
                **{name: figure(value) for name, value in zip(BARS, np.mean(each, axis=0), strict=True)},
                **{
                    f"loss_{name}": upper([getattr(one[position], f"loss_{name}") for one in ranked]) for name in LOSSES
                },
                "fit_seconds": peer.fit_seconds,
            }
        )
    rows.append({"name": "bar", **dict.fromkeys(BARS, ""), **losses(LOSSES), "fit_seconds": ""})
    report("peers", f"Telco, 5-fold, {len(SEEDS)} split seeds: by how much ours is worse, upper end of 95 %", rows)
    above = [name for name, most in losses(LOSSES).items() for row in rows[:-1] if float(row[name] or -1) > most]
    return 1 if above or any(one.left_out for one in played) else 0


def losses(bars: dict[str, float]) -> dict[str, float]:
    """The bars under the names of their columns."""
    return {f"loss_{name}": most for name, most in bars.items()}


def upper(found: list[Figure | None]) -> str | float:
    """The upper end of the interval, mean over the seeds; nothing where there is no loss to speak of."""
    ends = [loss.high for loss in found if loss is not None]
    return float(np.mean(ends)) if ends else ""


def figure(value: float) -> str | float:
    """A metric; nothing where a model has no curve to measure."""
    return float(value) if np.isfinite(value) else ""


if __name__ == "__main__":
    sys.exit(main())
