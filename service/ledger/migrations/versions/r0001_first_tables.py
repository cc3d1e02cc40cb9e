"""The first tables: assessments, decisions, outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "assessments",
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("scored_ms", sa.BigInteger(), nullable=False),
        sa.Column("features", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("band", sa.String(length=8), nullable=False),
        sa.Column("risk", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("ltv_minus", sa.Boolean(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("shown", sa.String(length=16), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("propensity", sa.Float(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("capped", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_assessments")),
    )
    op.create_index(op.f("ix_assessments_tenant_scored_ms"), "assessments", ["tenant", "scored_ms"], unique=False)
    op.create_index(
        op.f("ix_assessments_tenant_subject_scored_ms"), "assessments", ["tenant", "subject", "scored_ms"], unique=False
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("tenant", "content", name=op.f("uq_outcomes_tenant_content")),
    )
    op.create_index(op.f("ix_outcomes_tenant_recorded_ms"), "outcomes", ["tenant", "recorded_ms"], unique=False)
    op.create_index(op.f("ix_outcomes_tenant_subject_at_ms"), "outcomes", ["tenant", "subject", "at_ms"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("choice", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["assessments.decision_id"], name=op.f("fk_decisions_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("tenant", "idempotency_key", name=op.f("uq_decisions_tenant_idempotency_key")),
    )
    op.create_index(op.f("ix_decisions_decision_id"), "decisions", ["decision_id"], unique=False)
    op.create_index(op.f("ix_decisions_tenant_decided_ms"), "decisions", ["tenant", "decided_ms"], unique=False)
