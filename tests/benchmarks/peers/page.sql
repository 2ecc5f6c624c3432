-- The page of orders, in the database alone. Ids count as in shop.py.
\set user random(1, 50)
select order_id, number, user_name, user_email, total, item_count, item_names, status, created_at
from user_orders_view
where user_id = cast(lpad(cast(:user as text), 32, '0') as uuid)
order by created_at desc, order_id desc
limit 20;
