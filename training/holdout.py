"""Holding out: survival curves of customers by models that have not seen them."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.lifetimes import Floats, Lifetimes

Ints = NDArray[np.int64]
Split = Literal["sign-up time", "customer", "none"]


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """m customers, each judged by a model that was fitted without it.

    rows: positions in the clean book frame, int64 [m]. survival: S(t | x), float64 [m, T]. lives: of these m, as known
    at the end of observation. weight: for how many customers each stands, float64 [m]. followed: completed periods from
    sign-up to the end of observation, for churners too, int64 [m]; None where the book has no dates. cohort: position
    in `cohorts`, int64 [m]. cohorts: sign-up cohorts in order, or folds. split: by what the customers were held out;
    "none" where the model was fitted elsewhere and all may be asked. note: why it was not split by time, or "".
    """

    rows: Ints
    survival: Floats
    lives: Lifetimes
    weight: Floats
    followed: Ints | None
    cohort: Ints
    cohorts: tuple[str, ...]
    split: Split
    note: str = ""
