"""What one point less churn, one point of discount and one point of gross margin are worth."""

from __future__ import annotations

from typing import Literal

import msgspec


class Sensitivity(msgspec.Struct, frozen=True):
    """What the mean pLTV gains when one thing moves by one percentage point and all else stays.

    of: churn within the horizon falls, the discount rises, the gross margin rises. per_customer: change of the mean
    pLTV, currency. book: the same for all customers of the book.
    """

    of: Literal["churn", "discount", "gross_margin"]
    per_customer: float
    book: float
