"""The hold-out: a small share of would-be warnings is shown as `review`, so that what warnings do can be measured.

Who is held out is drawn by a keyed hash of the prospect, so that the same lead is never shown now this and now that. A
hard rule, one that reads nothing of what the model found, is the company's own word and always shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.assess import REVIEW, Assessments, Assessor
from models.policy import ACTIONS

WARNING = ACTIONS.index("do_not_chase")


class Holdout:
    """Draws who is held out: `percent` of those whom a rule that reads the model's findings would warn of."""

    def __init__(self, percent: float) -> None:
        self._share = percent / 100

    def shown(
        self, assessor: Assessor, found: Assessments, subjects: Sequence[str]
    ) -> tuple[NDArray[np.int64], list[float]]:
        """The action to show each of `found`, as an index into ACTIONS, and the probability that it is this one.

        Args:
            assessor: whose policy decided.
            found: what it decided on.
            subjects: HMAC of the id of each.
        """
        propensities = [1.0] * len(found)
        if not self._share or not (warned := np.flatnonzero(found.action == WARNING)).size:
            return found.action, propensities
        shown = found.action.copy()
        for row in warned.tolist():
            if not assessor.policy_reads_model[found.rule[row]]:
                continue
            held_out = draw(subjects[row]) < self._share
            propensities[row] = self._share if held_out else 1 - self._share
            if held_out:
                shown[row] = REVIEW
        return shown, propensities


def draw(subject: str) -> float:
    """A number in [0, 1) that is this subject's for good; nobody can tell it without the key of its HMAC."""
    return int.from_bytes(hashlib.sha256(b"hold-out " + subject.encode()).digest()[:8], "big") / 2.0**64
