"""An index for every list and search"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from domain.schema import SchemaError

revision = "0006"
down_revision = "0005"

_LISTS = {
    "user_orders_view": {
        "created": ["created_at", "order_id"],
        "total": ["total", "order_id"],
        "updated": ["updated_at", "order_id"],
        "status_created": ["status", "created_at", "order_id"],
        "status_total": ["status", "total", "order_id"],
        "status_updated": ["status", "updated_at", "order_id"],
        "user_total": ["user_id", "total", "order_id"],
        "user_updated": ["user_id", "updated_at", "order_id"],
    },
    "users_view": {"created": ["created_at", "user_id"]},
    "products_view": {"retired": ["retired", "name", "product_id"]},
}
_SEARCHED = {
    "user_orders_view": "(((((((' ' || number) || ' ') || user_name) || ' ') || user_email) || ' ') || item_names)",
    "users_view": "(((' ' || name) || ' ') || email)",
    "products_view": "(((' ' || name) || ' ') || sku)",
}


def upgrade() -> None:
    _create_extension()
    for table, indexes in _LISTS.items():
        for name, columns in indexes.items():
            op.create_index(f"ix_{table}_{name}", table, columns, unique=False)
    for table, searched in _SEARCHED.items():
        op.create_index(
            f"ix_{table}_search",
            table,
            [sa.literal_column(searched).label("searched")],
            unique=False,
            postgresql_using="gin",
            postgresql_ops={"searched": "gin_trgm_ops"},
        )


def _create_extension() -> None:
    """Create what finds words by their trigrams, unless it is there; whoever may not is told what to do."""
    connection = op.get_bind()
    try:
        connection.execute(sa.text("create extension if not exists pg_trgm"))
    except DBAPIError as error:
        reason, database = str(error.orig).splitlines()[0], connection.engine.url.database
        raise SchemaError(
            f"The database {database} needs the extension pg_trgm of PostgreSQL, and it could not be created: {reason}. "
            "Let somebody who may run `create extension pg_trgm` there, then migrate again."
        ) from error


def downgrade() -> None:
    for table, indexes in _LISTS.items():
        for name in ("search", *indexes):
            op.drop_index(f"ix_{table}_{name}", table_name=table)
