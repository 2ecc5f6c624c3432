"""Timelines"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Rows of before have none: all tables are projected again, from the beginning of the log.
    op.execute("truncate user_orders_view, users_view, products_view")
    op.execute("update checkpoints set position = 0")
    op.add_column("user_orders_view", sa.Column("timeline", postgresql.JSONB(), nullable=False))


def downgrade() -> None:
    op.drop_column("user_orders_view", "timeline")
