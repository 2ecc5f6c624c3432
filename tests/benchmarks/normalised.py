"""The same orders in the write store's normalised tables, for the peers that read those."""

import psycopg

_COPIED = {
    "users (id, name, email, email_key, version, created_at, updated_at)": """
        select user_id, name, email, lower(email), version, created_at, updated_at from users_view
    """,
    "products (id, sku, name, price, currency, retired, version, created_at, updated_at)": """
        select product_id, sku, name, price, currency, retired, version, created_at, updated_at from products_view
    """,
    "orders (id, number, user_id, status, total, currency, version, created_at, updated_at)": """
        select order_id, number, user_id, status, total, currency, version, created_at, updated_at
        from user_orders_view
    """,
    "order_items (order_id, product_id, line, sku, name, quantity, unit_price)": """
        select order_id, cast(item->>'product_id' as uuid), line, item->>'sku', item->>'name',
               cast(item->>'quantity' as int), cast(item->>'unit_price' as numeric)
        from user_orders_view, jsonb_array_elements(items) with ordinality as lines (item, line)
    """,
}


def fill(*, write_url: str, read_url: str) -> None:
    """Copy what the read tables show; the write store has nothing but its log before."""
    with psycopg.connect(read_url) as read, psycopg.connect(write_url, autocommit=True) as write:
        for table, rows in _COPIED.items():
            _copy(read, rows, write, table)
        write.execute("vacuum analyze")


def _copy(read: psycopg.Connection, rows: str, write: psycopg.Connection, table: str) -> None:
    with (
        read.cursor().copy(f"copy ({rows}) to stdout".encode()) as out,
        write.cursor().copy(f"copy {table} from stdin".encode()) as into,
    ):
        for block in out:
            into.write(block)
