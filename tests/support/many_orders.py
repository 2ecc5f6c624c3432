"""Very many orders, straight into their read table: a second apart, most of them delivered, a handful of them open.

The n-th has the id n, and belongs to the user n modulo 500; its total and its last change lie anywhere.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from projections.views.user_orders_view import UserOrdersView

OPENING = datetime(2026, 1, 1, tzinfo=UTC)
FILL = text("""
    insert into user_orders_view (
        order_id, number, user_id, user_name, user_email, total, currency, item_count, item_names, items, status,
        created_at, updated_at, version, stale, timeline, log_position
    )
    select lpad(to_hex(n), 32, '0')::uuid, (100000 + n)::text, lpad(to_hex(n % 500), 32, '0')::uuid,
        (array['Ada', 'Grace', 'Alan', 'Barbara'])[1 + n % 4] || ' '
            || (array['Lovelace', 'Hopper', 'Turing', 'Liskov'])[1 + n / 4 % 4],
        'buyer' || n % 500 || '@example.com', (n * 7919 % 100000) / 100.0, 'USD', 1,
        (array['Chai', 'Aniseed Syrup', 'Ikura', 'Tofu', 'Pavlova'])[1 + n % 5]
            || case when n % 20011 = 0 then ', Zaanse koeken' when n % 20021 = 0 then ', \u9f99\u4e95\u7eff\u8336'
                when n % 20023 = 0 then ', \u0427\u0430\u0439 \u0417\u0435\u043b\u0451\u043d\u044b\u0439' else '' end,
        '[]',
        case when n % 2000 = 0 then 'pending' when n % 2000 = 1 then 'paid' when n % 20 = 3 then 'cancelled'
            else 'delivered' end,
        :opening + n * interval '1 second', :opening + (n * 104729 % :size) * interval '1 second', 1, false, '[]', n
    from generate_series(1, cast(:size as bigint)) n
""")


def fill(connection: Connection, size: int) -> None:
    """Fill the table, and make its indexes afterwards, which is much faster."""
    indexes = UserOrdersView.__table__.indexes  # type: ignore[attr-defined]
    for index in indexes:
        index.drop(connection)
    connection.execute(FILL, {"opening": OPENING, "size": size})
    connection.execute(text("set maintenance_work_mem = '256MB'"))
    for index in indexes:
        index.create(connection)
    connection.execute(text("analyze user_orders_view"))
