"""The names of the lifetime value formulas, what they say, and why they differ from ours, in English and Japanese."""

# ruff: noqa: E501, RUF001 - Japanese has its own brackets and signs

from __future__ import annotations

from typing import NamedTuple

Text = dict[str, str]
"""The same in each language, `en` and `ja`."""


class Words(NamedTuple):
    """Of a formula: its name, the formula itself, and a sentence on why it differs from ours, empty for ours."""

    name: Text
    formula: Text
    why: Text


def _words(name: tuple[str, str], formula: tuple[str, str], why: tuple[str, str] = ("", "")) -> Words:
    return Words(*(dict(zip(("en", "ja"), pair, strict=True)) for pair in (name, formula, why)))


WORDS = {
    "pltv": _words(
        ("Predicted LTV", "予測LTV"),
        (
            "sum over periods 1..T of P(still paying) x discounted margin",
            "期間1〜Tの「支払いが続く確率×割引後の利益」の合計",
        ),
    ),
    "net_value": _words(
        ("Predicted net value", "予測純価値"),
        ("predicted LTV - closing cost", "予測LTV − 成約までにこれからかかる費用"),
    ),
    "pltv_to_cac": _words(
        ("Predicted LTV / CAC", "予測LTV÷CAC"),
        ("predicted LTV / (acquisition spent + closing cost)", "予測LTV ÷（支出済みの獲得費用＋成約費用）"),
    ),
    "revenue_over_churn": _words(
        ("ARPU / churn rate", "ARPU÷解約率"),
        ("mean revenue per period / churn rate per period", "1期間あたりの平均売上 ÷ 1期間あたりの解約率"),
        (
            "It counts revenue instead of margin, takes churn for the same in every period and for everybody, and counts for ever without discounting.",
            "利益ではなく売上で数え、解約率を全員・全期間で一定とみなし、割引なしで無期限に合計するためです。",
        ),
    ),
    "gross_profit_over_churn": _words(
        ("Gross profit / churn rate", "粗利÷解約率"),
        ("ARPU x gross margin / churn rate", "ARPU × 粗利率 ÷ 解約率"),
        (
            "It leaves out the cost to serve, takes churn for constant, and counts for ever without discounting.",
            "維持費を含めず、解約率を一定とみなし、割引なしで無期限に合計するためです。",
        ),
    ),
    "margin_over_churn": _words(
        ("Margin / churn rate", "維持費控除後の利益÷解約率"),
        ("(ARPU x gross margin - cost to serve) / churn rate", "（ARPU × 粗利率 − 維持費）÷ 解約率"),
        (
            "It takes churn for constant, so that early leavers and the loyal are one, and counts for ever without discounting.",
            "解約率を一定とみなして早期解約者と長期顧客を区別せず、割引なしで無期限に合計するためです。",
        ),
    ),
    "discounted_margin": _words(
        ("Discounted margin multiple", "割引後の利益倍率"),
        (
            "(ARPU x gross margin - cost to serve) x (1 + i) / (i + churn rate), i the discount rate per period",
            "（ARPU × 粗利率 − 維持費）×（1＋i）÷（i＋解約率）、iは1期間あたりの割引率",
        ),
        (
            "It discounts as we do, but takes churn for constant and counts for ever instead of T periods.",
            "割引は同じですが、解約率を一定とみなし、T期間で打ち切らず無期限に合計するためです。",
        ),
    ),
    "margin_net_of_cac": _words(
        ("Margin / churn rate, net of CAC", "CAC控除後のLTV"),
        ("(ARPU x gross margin - cost to serve) / churn rate - CAC", "（ARPU × 粗利率 − 維持費）÷ 解約率 − CAC"),
        (
            "It subtracts what was spent before the lead arrived as well, which no decision can bring back; our net value subtracts only what is still to be spent.",
            "見込み客が来る前に支出済みの費用も差し引くためです。当方の純価値は、これからかかる費用だけを差し引きます。",
        ),
    ),
    "ltv_to_cac": _words(
        ("LTV / CAC", "LTV÷CAC"),
        ("(ARPU x gross margin - cost to serve) / churn rate / CAC", "（ARPU × 粗利率 − 維持費）÷ 解約率 ÷ CAC"),
        (
            "It rests on a constant churn rate and counts for ever without discounting.",
            "一定の解約率を前提に、割引なしで無期限に合計した値を使うためです。",
        ),
    ),
    "orders": _words(
        ("Order value x frequency x years", "平均購買単価×購買頻度×継続年数"),
        (
            "mean order value x orders per year x years, years = 1 / churn rate per year",
            "平均購買単価 × 年間購買回数 × 継続年数（＝1÷年間解約率）",
        ),
        (
            "It counts revenue instead of margin, multiplies means as if those who order much stayed as long as others, and does not discount.",
            "利益ではなく売上で数え、よく買う人もそうでない人も同じ年数続くとみなして平均どうしを掛け、割引しないためです。",
        ),
    ),
    "orders_net": _words(
        ("Order value x margin x frequency x years - cost", "平均購買単価×粗利率×購買頻度×継続年数−費用"),
        (
            "mean order value x gross margin x orders per year x years - cost to serve over those years - CAC",
            "平均購買単価 × 粗利率 × 年間購買回数 × 継続年数 −（期間中の維持費＋CAC）",
        ),
        (
            "It multiplies means, takes churn for constant, does not discount, and subtracts what is already spent.",
            "平均どうしを掛け、解約率を一定とみなし、割引せず、支出済みの費用も差し引くためです。",
        ),
    ),
}
"""Every formula, in the order in which people read them."""

NO_MONEY = {
    "en": "The money of no customer is known: [value] of the book names no revenue, or no gross margin.",
    "ja": "収支が分かる顧客がいません。顧客台帳の [value] に revenue または gross_margin がありません。",
}
NO_CPA = {
    "en": "There is no cost to divide by: acquisition_spent and closing_cost under [value] of the book are absent or 0.",
    "ja": "割る費用がありません。顧客台帳の [value] の acquisition_spent と closing_cost が、ないか 0 です。",
}
LITTLE_CHURN = {
    "en": "Less than one point of the customers churns within the horizon.",
    "ja": "期間内の解約が1ポイントに満たないためです。",
}
NO_SEGMENTS = {
    "en": "The book names no column under [segments].",
    "ja": "顧客台帳の [segments] に列がありません。",
}
