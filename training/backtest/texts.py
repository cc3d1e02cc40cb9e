"""The caveats of a back-test, in English and Japanese."""

# ruff: noqa: E501, RUF001 - Japanese has its own brackets and signs

from __future__ import annotations

from training.economics.texts import Text

SOLD_TO_ONLY = {
    "en": "History holds only those who were sold to. Leads of a kind that was never sold to are not in it, and what turning them away would bring cannot be learned from it.",
    "ja": "履歴には成約した顧客しか含まれません。成約に至らなかった種類の見込み客を見送る効果は、ここからは分かりません。",
}
DRAWN_ANEW = {
    "en": "Intervals come from drawing these customers anew, with the predictions as they are. Acquisition cost is spent either way and counts nowhere.",
    "ja": "区間は予測をそのままに顧客を再抽出して求めたものです。獲得費用はすでに支出済みのため、どこにも算入しません。",
}
NO_MONEY = {
    "en": "The money of no customer under observation is known: [value] of the book names no revenue, or no gross margin.",
    "ja": "観察期間のある顧客で収支が分かる人がいません。顧客台帳の [value] に revenue または gross_margin がありません。",
}
NOBODY_BEATEN = {
    "en": "By predicted net value, no threshold gains more than turning nobody away beyond what chance explains.",
    "ja": "予測純価値によるどの基準も、誰も見送らない場合を偶然の範囲を超えて上回りません。",
}
MIX_CHANGED = {
    "en": "What is predicted for everybody lies outside the interval of what was realised. So it does where customers with a long history are of another kind than those who sign up now, or a column tells of the day it was written and not of sign-up; the figures of each rule share the difference.",
    "ja": "全員についての予測は、実績の区間の外にあります。長く続いている顧客と最近の顧客の構成が違う場合や、列が契約時ではなくデータ作成時の状態を示す場合に起こり、ルールごとの値にも同じずれが含まれます。",
}
LATE_ENTRY = {
    "en": "Some customers came under observation late. Early leavers are missing from the heads that are counted, so shares and totals understate them; values per head do not.",
    "ja": "途中から観察された顧客がいます。早期に離れた顧客が人数に含まれないため、割合と合計では過小になります（1人あたりの値には影響しません）。",
}
RATES_DIFFER = {
    "en": "Discount rates differ between customers; their mean is used here.",
    "ja": "割引率が顧客によって異なるため、ここではその平均を用います。",
}


def too_few(least: int) -> Text:
    """`least` customers are needed."""
    return {
        "en": f"Fewer than {least} customers whose money is known were at risk in the first period.",
        "ja": f"収支が分かり、第1期間に観察された顧客が{least}人に満ちません。",
    }


def money_unknown(customers: float) -> Text:
    """So many `customers` are left out."""
    return {
        "en": f"{customers:,.0f} customers whose money is not known are left out.",
        "ja": f"収支が分からない顧客{customers:,.0f}人は除いています。",
    }


def carried_on(observed: int, periods: int, period: str, share: float) -> Text:
    """`share` of the value brought in lies after `observed` of `periods`."""
    return {
        "en": f"Of {periods} {period}s the first {observed} had enough customers at risk. After them the rate of leaving of the last quarter is carried on: {share:.0%} of what customers bring in rests on that. Who pays back later than in {period} {observed} counts as not paid back.",
        "ja": f"{periods}期間のうち、十分な顧客を観察できたのは最初の{observed}期間です。それ以降は直近4分の1の離脱率が続くとみなしており、収入の{share:.0%}がこの仮定によります。{observed}期間より後の回収は未回収と数えます。",
    }


def cross_fitted(split: str) -> Text:
    """By what the customers were held out."""
    by = "sign-up time" if split == "sign-up time" else "customer"
    return {
        "en": f"Customers of the book the model was fitted on, each judged by a model with the same settings that had not seen it, split by {by}.",
        "ja": f"モデルの学習に使った台帳の顧客です。{'契約開始時期' if split == 'sign-up time' else '顧客'}で分割し、その顧客を学習していない同じ設定のモデルで判定しました。",
    }


def asked(data: str) -> Text:
    """The customers of a file that the model was not fitted on."""
    return {
        "en": f"Customers of {data}, whom the model was not fitted on, judged by the model as it is.",
        "ja": f"モデルの学習に使っていない {data} の顧客を、モデルそのもので判定しました。",
    }
