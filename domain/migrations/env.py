"""Runs this store's migrations on the connection it is given."""

from alembic import context

from domain.tables import WriteTable

context.configure(**context.config.attributes, target_metadata=WriteTable.metadata)
with context.begin_transaction():
    context.run_migrations()
