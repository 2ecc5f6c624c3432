"""Currencies, and why an order ended"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.alter_column("order_items", "line", type_=sa.Integer())
    op.add_column("orders", sa.Column("cancellation_reason", sa.Text(), nullable=True))
    # Until now all prices were in US dollars.
    for table in ("products", "orders"):
        op.add_column(table, sa.Column("currency", sa.Text(), nullable=False, server_default="USD"))
        op.alter_column(table, "currency", server_default=None)


def downgrade() -> None:
    op.drop_column("orders", "currency")
    op.drop_column("products", "currency")
    op.drop_column("orders", "cancellation_reason")
    op.alter_column("order_items", "line", type_=sa.SmallInteger())
