"""What is written back into a CRM: an assessment by our names, then by those of the company's own fields."""

from __future__ import annotations

from service.answers import Answer, Reason
from service.crm.account import Account
from service.crm.interface import Value
from service.settings import Language


def fields_of(account: Account, answer: Answer) -> dict[str, Value]:
    """The CRM's fields and what goes into each; none where the prospect must not be scored."""
    values = by_our_names(answer, account.language)
    return {field: values[name] for name, field in account.write_back.items() if values}


def by_our_names(answer: Answer, lang: Language) -> dict[str, Value]:
    """What can be written back, by the names of `crm/written.py`; None where it is not known."""
    if answer.risk is None or answer.value is None:
        return {}
    return {
        "risk_percent": answer.risk.percent,
        "band": answer.risk.band,
        "ltv_minus": answer.ltv_minus,
        "action": answer.action,
        "pltv": answer.value.pltv,
        "reasons": " / ".join(_reason(each, lang) for each in answer.reasons),
        "model_version": answer.model.version,
        "scored_at": answer.scored_at,
    }


def _reason(reason: Reason, lang: Language) -> str:
    """`Contract Month-to-month +20.4`; the value is left out where there is none."""
    value = _FLAGS[lang][reason.value] if isinstance(reason.value, bool) else reason.value
    return " ".join(str(part) for part in (reason.label, value, f"{reason.points:+.1f}") if part is not None)


_FLAGS: dict[Language, dict[bool, str]] = {"en": {True: "yes", False: "no"}, "ja": {True: "はい", False: "いいえ"}}
