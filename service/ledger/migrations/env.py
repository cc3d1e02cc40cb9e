"""What alembic runs: every revision that is missing, on the connection and in the transaction that it is handed."""

from __future__ import annotations

from alembic import context

from service.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
