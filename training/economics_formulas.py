"""The classical lifetime value formulas beside ours, so that people can reconcile the two."""

from __future__ import annotations

import msgspec

Text = dict[str, str]
"""The same in each language, `en` and `ja`."""


class Formula(msgspec.Struct, frozen=True, kw_only=True):
    """One way to say what a customer is worth.

    name, formula, why: by language (`en`, `ja`); `why` is a sentence on why it differs from ours, empty for ours.
    value: in `unit`, a currency or "ratio"; None where it is not defined. mark: what a ratio should reach.
    """

    key: str
    ours: bool
    name: Text
    formula: Text
    why: Text
    value: float | None
    unit: str
    mark: float | None = None
