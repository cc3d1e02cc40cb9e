"""What the peers are asked, and what they answer, for the book of the Telco sample."""

from __future__ import annotations

from pydantic import BaseModel


class Lead(BaseModel):
    """A prospect's features."""

    phone_service: bool
    multiple_lines: str
    internet_service: str
    online_security: str
    online_backup: str
    device_protection: str
    tech_support: str
    streaming_tv: str
    streaming_movies: str
    contract: str
    paperless_billing: bool
    payment_method: str
    monthly_charges: float


class Reason(BaseModel):
    """A feature's share of the risk, in percentage points."""

    feature: str
    points: float


class Assessment(BaseModel):
    """Risk within the horizon, what the prospect is worth, and the three features that matter most."""

    risk: float
    pltv: float
    net_value: float
    ltv_minus: bool
    reasons: list[Reason]
