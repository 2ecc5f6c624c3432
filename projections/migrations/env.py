"""Runs this store's migrations on the connection it is given."""

from alembic import context

from projections.catalogue import ReadTable

context.configure(**context.config.attributes, target_metadata=ReadTable.metadata)
with context.begin_transaction():
    context.run_migrations()
