"""What a recalibration found, in words: for the terminal, for metrics.json and for the report."""

# ruff: noqa: E501, RUF001 - Japanese has its own brackets and signs

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from training.report.markup import tag
from training.report.voice import LANGUAGES, MINUS

IN_SAMPLE = "the intercept and the slope of the recalibration were fitted on these customers"

NEEDED = 0.05
"""P-value below which newer customers tell the model from one that needs no recalibration."""


CLOSE = 0.01
"""A mean risk that is off by no more is not worth a note."""


class Recalibration(msgspec.Struct, frozen=True, kw_only=True):
    """What newer customers say of a model's hazards: logit h' = intercept + slope * logit h.

    from_version: of the bundle that was recalibrated. book: name of the newer book. customers, churned: of that book,
    at risk and seen to churn within T periods. intercept_error, slope_error: standard errors. p_value: of the
    likelihood ratio test against intercept 0 and slope 1. expected_before, expected_after, observed: churn events
    within T periods, each customer counted as often as it stands for others. risk_before, risk_after: mean over that book,
    within the horizon.
    """

    from_version: str
    book: str
    customers: int
    churned: int
    intercept: float
    intercept_error: float
    slope: float
    slope_error: float
    p_value: float
    expected_before: float
    expected_after: float
    observed: float
    risk_before: float
    risk_after: float

    @property
    def needed(self) -> bool:
        return self.p_value < NEEDED


def sentences(found: Recalibration, kaplan_meier_churn: float | None) -> Iterator[str]:
    """For whoever ran the command; `kaplan_meier_churn` is what was observed within the horizon, if it can be told."""
    yield (
        f"{found.book}: {found.customers} customers, {found.churned} churned; "
        f"intercept {found.intercept:.3f} (standard error {found.intercept_error:.3f}), "
        f"slope {found.slope:.3f} ({found.slope_error:.3f})"
    )
    before, after = found.expected_before / found.observed, found.expected_after / found.observed
    yield f"expected / observed churn: {before:.3f} before, {after:.3f} after"
    yield f"calibration slope: {found.slope:.3f} before, 1 after by construction"
    risk = f"mean risk within the horizon: {found.risk_before:.3f} before, {found.risk_after:.3f} after"
    if kaplan_meier_churn is None:
        yield risk
    else:
        yield f"{risk}; observed (Kaplan-Meier): {kaplan_meier_churn:.3f}"
        if abs(found.risk_after - kaplan_meier_churn) > max(abs(found.risk_before - kaplan_meier_churn), CLOSE):
            yield (
                "note: within the horizon the old bundle is nearer to what was observed: those who have stayed long may "
                "differ from those who signed up lately; recalibrate on a book of the latter alone, or fit again"
            )
    verdict = (
        "recalibration is needed" if found.needed else "no need of recalibration is shown; the old bundle may stay"
    )
    yield f"likelihood ratio test against intercept 0 and slope 1: p = {found.p_value:.2g}; {verdict}"


def noticed(report: bytes, found: Recalibration) -> bytes:
    """The report of the bundle that was recalibrated, with a notice at the top of it in either language."""
    page = report.decode()
    for lang in LANGUAGES:
        before, start, after = page.partition(f'<article lang="{lang}">')
        strong, text = _NOTICES[lang]
        told = text.format(
            version=found.from_version,
            book=found.book,
            churned=f"{found.churned:,}",
            ratio=f"{found.expected_before / found.observed:.2f}",
            intercept=f"{found.intercept:.2f}".replace("-", MINUS),
            slope=f"{found.slope:.2f}",
        )
        notice = tag("div", tag("p", tag("strong", strong)), tag("div", told), class_="note warn", lang=lang)
        page = before + start + str(notice) + after
    return page.encode()


_NOTICES = {
    "en": (
        "This report is about the model before it was recalibrated.",
        "What follows is of version {version}. Its hazards were then brought to the level that {churned} churned customers of the book “{book}” show (log-odds: intercept {intercept}, slope {slope}; expected over observed churn before: {ratio}). Figures that rest on the level of the risk no longer hold: calibration, survival, money, actions and the profit curve, fairness. Who is riskier than whom, leaks, data quality and limits are as before. metrics.json beside this file measures the recalibrated model.",
    ),
    "ja": (
        "この報告書は、再調整する前のモデルについてのものです。",
        "以下はバージョン{version}の内容です。その後、顧客台帳「{book}」の解約者{churned}人の実績に合わせてハザードの水準を調整しました（対数オッズの切片{intercept}、傾き{slope}、調整前の予測解約数と実績の比{ratio}）。リスクの水準に基づく数値（較正、継続率、金額、対応と利益曲線、公平性）は、もう当てはまりません。リスクの高低の順序、リーク、データの品質、限界は以前のままです。再調整後のモデルの成績は、同じフォルダーのmetrics.jsonにあります。",
    ),
}
"""The first sentence, and the rest."""
