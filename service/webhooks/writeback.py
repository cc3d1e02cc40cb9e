"""What is written back into a CRM: an assessment by our names, then by those of the company's own fields."""

from __future__ import annotations

from service.answers import Answer
from service.crm.account import Account
from service.crm.interface import Value


def fields_of(account: Account, answer: Answer) -> dict[str, Value]:
    """The CRM's fields and what goes into each."""
    values = by_our_names(answer)
    return {field: values[name] for name, field in account.write_back.items()}


def by_our_names(answer: Answer) -> dict[str, Value]:
    """Everything that can be written back, by the names of `crm/written.py`; None where it is not known."""
    return {
        "risk_percent": answer.risk.percent,
        "band": answer.risk.band,
        "ltv_minus": answer.ltv_minus,
        "action": answer.action,
        "pltv": answer.value.pltv,
        "reasons": " / ".join(_reason(each.label, each.value, each.points) for each in answer.reasons),
        "model_version": answer.model.version,
        "scored_at": answer.scored_at,
    }


def _reason(label: str, value: object, points: float) -> str:
    """`Contract Month-to-month +20.4`, the value left out where there is none."""
    shown = "" if value is None else f" {_shown(value)}"
    return f"{label}{shown} {points:+.1f}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
