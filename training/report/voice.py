"""A language to write in: which of two texts is taken, and how counts, shares, money and time are spelt."""

from __future__ import annotations

import math
from typing import Literal, get_args

import msgspec

from models.value import Period

Lang = Literal["en", "ja"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)

MINUS, NONE = "\u2212", "\u2013"
"""A true minus sign, and what stands for a figure that is not defined."""

MANY = 1e7
"""An amount from which the last digits are left out."""

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_WHOLE = frozenset({"JPY", "KRW", "VND"})
"""Currencies without cents."""

_JA_PERIODS: dict[Period, str] = {"day": "日", "week": "週", "month": "か月", "quarter": "四半期", "year": "年"}


class Voice(msgspec.Struct, frozen=True):
    """Writes in `lang` about a book in `currency` that counts time in `period`. What is NaN or None is a dash."""

    lang: Lang
    currency: str
    period: Period

    def __call__(self, en: str, ja: str) -> str:
        """The text of this language."""
        return en if self.lang == "en" else ja

    def count(self, n: float) -> str:
        """A whole number: 7,043."""
        return _signed(f"{n:,.0f}")

    def number(self, x: float | None, digits: int = 3) -> str:
        """A number to so many significant digits, thousands apart: 0.845, 1,240."""
        if x is None or math.isnan(x):
            return NONE
        if math.isinf(x):
            return MINUS * (x < 0) + "∞"
        if x == 0:
            return "0"
        if abs(x) >= 10 ** (digits - 1):
            return _signed(f"{x:,.0f}")
        after = digits - 1 - math.floor(math.log10(abs(x)))
        return _signed(f"{x:.{min(after, 9)}f}")

    def short(self, x: float) -> str:
        """A number without trailing zeros, for an axis: 0.5, 20, 1,500."""
        return _signed(f"{x:,.6g}") if abs(x) < 1e6 else _signed(f"{x:,.0f}")

    def fixed(self, x: float, digits: int) -> str:
        """A number with so many decimals, to be compared with others."""
        return _signed(f"{x:.{digits}f}")

    def percent(self, share: float | None, digits: int = 0) -> str:
        """A share as percent: 26%."""
        if share is None or not math.isfinite(share):
            return NONE
        return _signed(f"{100 * share:.{digits}f}") + "%"

    def money(self, amount: float | None) -> str:
        """An amount: $1,240, -$37.60, ¥12,000 (12,000円 in Japanese)."""
        if amount is None or not math.isfinite(amount):
            return NONE
        if abs(amount) >= MANY:
            return self._placed(amount, self.rounded(abs(amount)))
        whole = self.currency in _WHOLE or abs(amount) >= 100
        figure = f"{abs(amount):,.{0 if whole else 2}f}"
        return self._placed(amount if float(figure.replace(",", "")) else 0.0, figure)

    def rounded(self, amount: float) -> str:
        """An amount in thousands or millions (万 or 億 in Japanese), for an axis or where nobody wants the last yen."""
        steps = ((1e8, "億"), (1e4, "万")) if self.lang == "ja" else ((1e9, "bn"), (1e6, "M"), (1e3, "k"))
        size = abs(amount)
        unit, name = next((step for step in steps if size >= 10_000 and size >= step[0]), (1.0, ""))
        return MINUS * (amount < 0) + f"{float(f'{size / unit:.4g}'):,g}" + name

    def _placed(self, amount: float, figure: str) -> str:
        sign = MINUS * (amount < 0)
        if self.currency == "JPY" and self.lang == "ja":
            return f"{sign}{figure}円"
        return sign + _SYMBOLS.get(self.currency, self.currency + "\u00a0") + figure

    def times(self, factor: float) -> str:
        """A factor: x1.8."""
        return f"×{factor:.2f}" if factor < 1.95 else f"×{factor:,.1f}"

    def factor(self, factor: float) -> str:
        """A round factor on an axis: x0.5, x2."""
        return f"×{factor:g}"

    def span(self, periods: int) -> str:
        """A stretch of time: 12 months."""
        if self.lang == "ja":
            unit = "週間" if self.period == "week" else _JA_PERIODS[self.period]
            return f"{periods:,}{unit}"
        return f"1 {self.period}" if periods == 1 else f"{periods:,} {self.period}s"

    def at(self, period: int) -> str:
        """One period, counted from sign-up: month 3."""
        return f"{period:,}{_JA_PERIODS[self.period]}目" if self.lang == "ja" else f"{self.period} {period:,}"

    def interval(self, low: str, high: str) -> str:
        """A range: 20% to 24%; a dash where neither end is defined."""
        if low == high == NONE:
            return NONE
        return f"{low} to {high}" if self.lang == "en" else f"{low}～{high}"


def _signed(figure: str) -> str:
    negative = figure.startswith("-") and figure.strip("-0.,") != ""
    return MINUS * negative + figure.lstrip("-")
