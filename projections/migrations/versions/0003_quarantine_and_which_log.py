"""Quarantine, and which log is followed"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "projection_states",
        sa.Column("projection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("log_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("projection"),
    )
    op.create_table(
        "quarantine",
        sa.Column("projection", sa.Text(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("projection", "stream_id"),
    )
    op.create_index("ix_quarantine_partition", "quarantine", ["projection", "partition"], unique=False)
    op.add_column("checkpoints", sa.Column("event_id", sa.Uuid(), nullable=True))
    op.add_column("checkpoints", sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("checkpoints", sa.Column("halted", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("checkpoints", "halted")
    op.drop_column("checkpoints", "held")
    op.drop_column("checkpoints", "event_id")
    op.drop_index("ix_quarantine_partition", table_name="quarantine")
    op.drop_table("quarantine")
    op.drop_table("projection_states")
