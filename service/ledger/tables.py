"""The ledger's tables. People stand in them as HMACs of their ids, users by ids that mean nothing outside the CRM.

Times are whole milliseconds since 1970: exact, and the same in SQLite and PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

REVISION = "0001"
"""The newest of `migrations/versions`."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

_BIG = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up nothing but INTEGER
_JSON = JSON(none_as_null=True)

assessments = Table(
    "assessments",
    metadata,
    Column("decision_id", String(36), primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("subject", String(32), nullable=False),  # HMAC of the prospect's id; random once erased
    Column("scored_ms", BigInteger, nullable=False),
    Column("features", _JSON),  # as the model saw them; null once erased, or where the bundle is gone
    Column("score", Float, nullable=False),
    Column("band", String(8), nullable=False),
    Column("risk", _JSON, nullable=False),
    Column("value", _JSON, nullable=False),
    Column("ltv_minus", Boolean),
    Column("cause", String(32)),
    Column("action", String(16), nullable=False),  # what the policy decided
    Column("shown", String(16), nullable=False),  # what was answered
    Column("held_out", Boolean, nullable=False),
    Column("propensity", Float, nullable=False),  # probability of what was shown
    Column("rule", String, nullable=False),
    Column("capped", Boolean, nullable=False),
    Column("reasons", _JSON, nullable=False),
    Column("evidence", _JSON, nullable=False),  # what was missing, unknown, out of range, degraded, and how old
    Column("model", String, nullable=False),
    Column("version", String, nullable=False),
    Column("contract", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("erased", Boolean, nullable=False),
    Index(None, "tenant", "subject", "scored_ms"),
    Index(None, "tenant", "scored_ms"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("idempotency_key", String(255), nullable=False),
    Column("decision_id", String(36), ForeignKey(assessments.c.decision_id), nullable=False, index=True),
    Column("choice", String(16), nullable=False),
    Column("reason", String),  # null where none was given, and once erased
    Column("user", String(128), nullable=False),
    Column("decided_ms", BigInteger, nullable=False),
    UniqueConstraint("tenant", "idempotency_key"),
    Index(None, "tenant", "decided_ms"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("value", Float),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("content", String(64), nullable=False),  # digest of what was said: said twice, it is one row
    UniqueConstraint("tenant", "content"),
    Index(None, "tenant", "subject", "at_ms"),
    Index(None, "tenant", "recorded_ms"),
)
