-- Some orders with their lines and events, all events appended as if by commands. Ids of users count as in shop.py.
-- An order's first event creates it with two pieces of its first product; the others change them to 1, 2, 1, 2 ...
-- The rows are as an even number of events leaves them.
create temporary table placed on commit drop as
select uuidv7() as id, cast(nextval('order_numbers') as text) as number, place, buyer, user_id,
       cast(mod(crc32(uuid_send(user_id)), 48) as smallint) as partition
from generate_series(1, %(orders)s) place
cross join lateral (select 1 + mod(place, %(users)s) as buyer) b
cross join lateral (select cast(lpad(cast(buyer as text), 32, '0') as uuid) as user_id) u;

create temporary table lines on commit drop as
select row_number() over (order by id) as line, id as product_id, sku, name, price
from products where id = any (%(products)s);

insert into orders (id, number, user_id, status, total, currency, version, created_at, updated_at)
select id, number, user_id, 'pending', (select sum(price) from lines), 'USD', %(events)s, now(), now()
from placed;

insert into order_items (order_id, product_id, line, sku, name, quantity, unit_price)
select placed.id, product_id, line, sku, name, 1, price
from placed cross join lines;

insert into events (partition, position, event_id, stream_id, stream_type, version, type, schema_version, data,
                    metadata, occurred_at)
select log_heads.partition, log_heads.position + nth, uuidv7(), id, 'order', version,
       case when version = 1 then 'OrderCreated' else 'OrderItemQuantityChanged' end, 1,
       case when version = 1 then jsonb_build_object(
           'order_id', id, 'number', number, 'user_id', user_id, 'user_name', 'Buyer Number ' || buyer,
           'user_email', 'buyer' || buyer || '@example.com', 'lines', created.lines,
           'total', cast(created.total as text), 'currency', 'USD'
       ) else jsonb_build_object(
           'order_id', id, 'user_id', user_id, 'product_id', changed.product_id,
           'before', 2 - mod(version, 2), 'quantity', 1 + mod(version, 2), 'unit_price', cast(changed.price as text),
           'total', cast(created.total - changed.price * mod(version + 1, 2) as text)
       ) end,
       '{"actor": "staff:benchmarks"}', now()
from (
    select *, row_number() over (partition by partition order by version, place) as nth
    from placed cross join generate_series(1, %(events)s) version
) happened
join log_heads using (partition)
cross join (
    select jsonb_agg(jsonb_build_object(
               'product_id', product_id, 'sku', sku, 'name', name, 'quantity', quantity, 'unit_price', cast(price as text)
           ) order by line) as lines, sum(price * quantity) as total
    from (select *, case when line = 1 then 2 else 1 end as quantity from lines) ordered
) created
cross join (select * from lines where line = 1) changed;

update log_heads
set position = position + added.events
from (select partition, count(*) * %(events)s as events from placed group by partition) added
where added.partition = log_heads.partition;
