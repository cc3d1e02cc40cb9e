"""The fairness audit's findings in words, English and Japanese."""

# ruff: noqa: RUF001 - Japanese

from __future__ import annotations

from models.value import Period
from training.fairness_groups import title
from training.intervals import Estimate

Text = dict[str, str]

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
        "en": f"{column}: of those who stay {span['en']}, {often:.1%} of {title(a, 'en')} are warned in vain and "
        f"{seldom:.1%} of {title(b, 'en')}: {times.value:.2f} times as often (at least {times.low:.2f}; "
        f"{limit:g} is allowed).",
        "ja": f"{column}：{span['ja']}以上継続する顧客のうち、誤って警告される割合は「{title(a, 'ja')}」で{often:.1%}、"
        f"「{title(b, 'ja')}」で{seldom:.1%}です。{times.value:.2f}倍（少なくとも{times.low:.2f}倍、"
        f"許容は{limit:g}倍まで）に当たります。",
    }


def calibration(column: str, group: str, ratio: Estimate, all_customers: float) -> Text:
    """A group's expected over observed churn is off that of all customers."""
    high = ratio.value > all_customers
    return {
        "en": f"{column}: the risk of {title(group, 'en')} is {'over' if high else 'under'}estimated: "
        f"{ratio.value:.2f} times as many are expected to churn as do (from {ratio.low:.2f} to {ratio.high:.2f}); "
        f"of all customers, {all_customers:.2f} times.",
        "ja": f"{column}：「{title(group, 'ja')}」のリスクは{'過大' if high else '過小'}に見積もられています。"
        f"予測された解約は実際の{ratio.value:.2f}倍（{ratio.low:.2f}～{ratio.high:.2f}倍）で、"
        f"全顧客では{all_customers:.2f}倍です。",
    }


def proxy(column: str, group: str, feature: str, auc: Estimate, carried: float, gap: float) -> Text:
    """A feature tells a group; `carried` of the `gap` in mean risk are its points."""
    return {
        "en": f"{column}: {feature} alone tells {title(group, 'en')} from the others (AUC {auc.value:.2f}, at least "
        f"{auc.low:.2f}); it carries {carried:+.1f} of the {gap:+.1f} points by which their mean risk differs.",
        "ja": f"{column}：{feature}だけで「{title(group, 'ja')}」とそれ以外を見分けられます（AUC {auc.value:.2f}、"
        f"少なくとも{auc.low:.2f}）。平均リスクの差{gap:+.1f}ポイントのうち{carried:+.1f}ポイントを占めます。",
    }


def span(horizon: int, period: Period) -> Text:
    """How long the horizon is."""
    return {"en": f"{horizon} {period}{'' if horizon == 1 else 's'}", "ja": f"{horizon}{COUNTED[period]}"}
