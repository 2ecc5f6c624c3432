"""Daily sales"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "daily_sales_view",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("order_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("unit_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("revenue", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancelled_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("day", "currency"),
    )


def downgrade() -> None:
    op.drop_table("daily_sales_view")
