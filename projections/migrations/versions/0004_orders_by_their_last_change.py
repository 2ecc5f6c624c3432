"""Orders by their last change"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(
        "ix_user_orders_view_changed", "user_orders_view", ["user_id", "log_position", "order_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_user_orders_view_changed", table_name="user_orders_view")
