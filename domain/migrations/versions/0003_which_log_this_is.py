"""Which log this is"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table("log_identity", sa.Column("id", sa.Uuid(), nullable=False), sa.PrimaryKeyConstraint("id"))
    op.execute("insert into log_identity (id) values (gen_random_uuid())")


def downgrade() -> None:
    op.drop_table("log_identity")
