"""The fairness audit's findings in words, English and Japanese."""

# ruff: noqa: RUF001 - Japanese

from __future__ import annotations

from collections.abc import Sequence

from models.value import Period
from training.audit.fairness_groups import title
from training.evaluation.intervals import Estimate

Text = dict[str, str]
Told = tuple[str, Estimate, float]
"""A feature, the AUC by which it tells a group, and the points of the gap in risk that it carries."""

LISTED = 5
"""Features that are named one by one before "and more"."""

COUNTED: dict[Period, str] = {"day": "日", "week": "週間", "month": "か月", "quarter": "四半期", "year": "年"}

NOT_ASKED: Text = {
    "en": "The book names no column under [protected], so there is nothing to audit.",
    "ja": "台帳の[protected]に列がないため、公平性は監査していません。",
}


def false_alarms(
    column: str, worse: tuple[str, float], better: tuple[str, float], times: Estimate, limit: float, span: Text
) -> Text:
    """One group is warned in vain more often than another; groups come with their rate of false alarms, 0..1."""
    (a, often), (b, seldom) = worse, better
    return {
        "en": f"{column}: of those who stay {span['en']} and whose margin is not at fault, {often:.1%} of {_en(a)} "
        f"are warned in vain and {seldom:.1%} of {_en(b)}: {times.value:.2f} times as often (at least {times.low:.2f}; "
        f"{limit:g} is allowed).",
        "ja": f"{column}：{span['ja']}以上継続し、採算に問題のない顧客のうち、誤って警告される割合は"
        f"{_ja(a)}で{often:.1%}、{_ja(b)}で{seldom:.1%}です。{times.value:.2f}倍（少なくとも{times.low:.2f}倍、"
        f"許容は{limit:g}倍まで）に当たります。",
    }


def calibration(column: str, group: str, ratio: Estimate, all_customers: float) -> Text:
    """A group's expected over observed churn is off that of all customers."""
    high = ratio.value > all_customers
    return {
        "en": f"{column}: the risk of {_en(group)} is {'over' if high else 'under'}estimated: "
        f"{ratio.value:.2f} times as many are expected to churn as do (from {ratio.low:.2f} to {ratio.high:.2f}); "
        f"of all customers, {all_customers:.2f} times.",
        "ja": f"{column}：{_ja(group)}のリスクは{'過大' if high else '過小'}に見積もられています。"
        f"予測された解約は実際の{ratio.value:.2f}倍（{ratio.low:.2f}～{ratio.high:.2f}倍）で、"
        f"全顧客では{all_customers:.2f}倍です。",
    }


def proxy(column: str, group: str, told_by: Sequence[Told], gap: float, by_all: Estimate | None) -> Text:
    """Features tell a group, the surest first, as all together do; each carries some of the `gap` in mean risk."""
    shown, more = told_by[:LISTED], len(told_by) - LISTED
    en = ", ".join(f"{name} (AUC {auc.value:.2f}, {carried:+.1f} points)" for name, auc, carried in shown)
    ja = "、".join(f"{name}（AUC {auc.value:.2f}、{carried:+.1f}ポイント）" for name, auc, carried in shown)
    if more > 0:
        en, ja = f"{en} and {more} more", f"{ja}ほか{more}件"
    if by_all is not None:
        en, ja = f"{en}; by all features together, AUC {by_all.value:.2f}", f"{ja}、全特徴量（AUC {by_all.value:.2f}）"
    return {
        "en": f"{column}: {_en(group)} can be told from the others by {en}. The points are what a feature carries of "
        f"the {gap:+.1f} by which their mean risk differs.",
        "ja": f"{column}：{_ja(group)}とそれ以外は、{ja}で見分けられます。ポイントは、"
        f"平均リスクの差{gap:+.1f}ポイントのうち、その特徴量が占める分です。",
    }


def span(horizon: int, period: Period) -> Text:
    """How long the horizon is."""
    return {"en": f"{horizon} {period}{'' if horizon == 1 else 's'}", "ja": f"{horizon}{COUNTED[period]}"}


def _en(group: str) -> str:
    return f'"{title(group, "en")}"'


def _ja(group: str) -> str:
    return f"「{title(group, 'ja')}」"
