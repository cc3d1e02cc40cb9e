"""The money that comes with a prospect: each entry checked, then as the columns that an assessment takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.assess import Assessor
from models.contract import normalize
from models.errors import MoneyError, nearest
from models.money import BOUNDS
from service.errors import BadInput, key_path
from service.wire import MoneyScalar

TEXT_MAX = 256
"""Characters of a segment's value: no book has longer ones, and numpy gives every row of a batch the longest's room."""


def checked_money(assessor: Assessor, value: dict[str, MoneyScalar], at: str) -> dict[str, MoneyScalar]:
    """The money that was sent with a prospect, each entry a term in its bounds or a column that the book's terms read.

    Raises:
        BadInput: another name, or a value that it does not take.
    """
    terms = assessor.bundle.manifest.money
    columns = terms.columns - assessor.contract.index.keys()
    checked: dict[str, MoneyScalar] = {}
    for name, number in value.items():
        path = key_path(at, name)
        if name not in BOUNDS and name not in columns:
            raise BadInput(path, f"is not a money term{nearest(name, (*BOUNDS, *columns))}")
        if number is None:
            continue
        if (name in BOUNDS or name in terms.amounts) and (isinstance(number, bool | str) or not math.isfinite(number)):
            raise BadInput(path, "expected a finite number")
        if isinstance(number, str) and len(number) > TEXT_MAX:
            raise BadInput(path, f"expected at most {TEXT_MAX} characters")
        try:
            if name in BOUNDS:
                checked[name] = terms.check(name, number)  # type: ignore[arg-type]
            else:
                checked[name] = terms.check_column(name, number) if name in terms.amounts else number  # type: ignore[arg-type]
        except MoneyError as error:
            raise BadInput(path, error.reason) from None
    return checked


def money_columns(
    assessor: Assessor, money: Sequence[dict[str, MoneyScalar]]
) -> tuple[dict[str, NDArray[np.generic]], dict[str, NDArray[np.float64]]]:
    """Checked money of n prospects as `Assessor.assess` takes it: columns that the book reads, and terms sent."""
    terms_read = assessor.bundle.manifest.money
    columns: dict[str, NDArray[np.generic]] = {}
    for name in terms_read.columns - assessor.contract.index.keys() - BOUNDS.keys():
        if name in terms_read.amounts:
            columns[name] = np.array([terms.get(name, math.nan) for terms in money], dtype=np.float64)
        else:
            columns[name] = np.array([_spelled(terms.get(name)) for terms in money])
    sent_names = {name for terms in money for name in terms if name in BOUNDS}
    sent = {name: np.array([terms.get(name, math.nan) for terms in money], dtype=np.float64) for name in sent_names}
    return columns, sent


def _spelled(value: MoneyScalar) -> str:
    """A segment's value as the book's TOML key spells it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return normalize(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
