"""Words of scripts without blanks"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SEARCHED = {
    "user_orders_view": "(((((((' ' || number) || ' ') || user_name) || ' ') || user_email) || ' ') || item_names)",
    "users_view": "(((' ' || name) || ' ') || email)",
    "products_view": "(((' ' || name) || ' ') || sku)",
}


def upgrade() -> None:
    for table, searched in _SEARCHED.items():
        letters = rf"string_to_array(regexp_replace({searched}, '[\x01-\u10ff]+', '', 'g'), NULL)"
        op.create_index(
            f"ix_{table}_letters",
            table,
            [sa.literal_column(letters).label("letters")],
            unique=False,
            postgresql_using="gin",
            postgresql_where=sa.text(f"octet_length({searched}) > length({searched})"),
        )


def downgrade() -> None:
    for table in _SEARCHED:
        op.drop_index(f"ix_{table}_letters", table_name=table)
