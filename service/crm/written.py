"""What can be written back into a CRM: our names, what kind of field each needs, and how people read it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["number", "flag", "choice", "text", "long_text", "time"]


class Written(NamedTuple):
    """One thing to write back: `choices` are the values of a choice; labels by language."""

    kind: Kind
    label: dict[str, str]
    choices: tuple[str, ...] = ()


WRITTEN: dict[str, Written] = {
    "risk_percent": Written("number", {"en": "Churn risk in percent", "ja": "解約リスク(%)"}),
    "band": Written("choice", {"en": "Churn risk", "ja": "解約リスク"}, ("low", "medium", "high")),
    "ltv_minus": Written("flag", {"en": "LTV-minus customer", "ja": "LTVマイナス顧客"}),
    "action": Written(
        "choice", {"en": "Recommended action", "ja": "推奨アクション"}, ("proceed", "review", "do_not_chase")
    ),
    "pltv": Written("number", {"en": "Predicted LTV", "ja": "予測LTV"}),
    "reasons": Written("long_text", {"en": "Reasons for the churn risk", "ja": "解約リスクの理由"}),
    "model_version": Written("text", {"en": "Model version", "ja": "モデルのバージョン"}),
    "scored_at": Written("time", {"en": "Scored at", "ja": "判定日時"}),
}
