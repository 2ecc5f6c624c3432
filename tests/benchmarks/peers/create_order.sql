-- createOrder of three lines as the command sends it, statement by statement, without Python and HTTP in between.
-- Ids count as in shop.py. The fact is put together by format(), since pgbench cannot; the command sends it as a value.
\set user random(1, 500)
\set a random(1000001, 1000066)
\set b random(1000067, 1000133)
\set c random(1000134, 1000200)
\set key random(1, 9000000000000000000)
begin;
with buyer as materialized (
    select id as user_id, name as user_name, email, cast(nextval('order_numbers') as text) as number
    from users where id = cast(lpad(cast(:user as text), 32, '0') as uuid) for share
),
counted as (
    select id, sku, name, price, currency, stock, retired from products
    where id = any (array[
        cast(lpad(cast(:a as text), 32, '0') as uuid),
        cast(lpad(cast(:b as text), 32, '0') as uuid),
        cast(lpad(cast(:c as text), 32, '0') as uuid)]) and stock is not null and exists (select from buyer)
    order by id for no key update
),
found as (
    select * from counted
    union all
    select id, sku, name, price, currency, stock, retired from products
    where id = any (array[
        cast(lpad(cast(:a as text), 32, '0') as uuid),
        cast(lpad(cast(:b as text), 32, '0') as uuid),
        cast(lpad(cast(:c as text), 32, '0') as uuid)]) and stock is null
)
-- pgbench takes one row only, so the products are packed into one.
select user_id as buyer, user_name as name, email, number, mod(crc32(uuid_send(user_id)), 48) as partition,
       gen_random_uuid() as order, count(found) as products
from buyer left join found on true group by 1, 2, 3, 4 \gset
with write_0 as (
    insert into orders (id, number, user_id, status, total, currency, version, created_at, updated_at)
    values (cast(:order as uuid), :number, cast(:buyer as uuid), 'pending', 119.40, 'USD', 1, now(), now())
    on conflict (id) do nothing
    returning orders.id
), write_1 as (
    insert into order_items (order_id, line, product_id, sku, name, quantity, unit_price)
    select cast(:order as uuid),
           (select coalesce(max(line), 0) from order_items where order_id = cast(:order as uuid)) + item.place,
           item.product_id, item.sku, item.name, item.quantity, item.unit_price
    from unnest(array[
            cast(lpad(cast(:a as text), 32, '0') as uuid),
            cast(lpad(cast(:b as text), 32, '0') as uuid),
            cast(lpad(cast(:c as text), 32, '0') as uuid)],
            array['SKU-1', 'SKU-2', 'SKU-3'], array['Product number 1', 'Product number 2', 'Product number 3'],
            array[1, 2, 3], array[19.90, 19.90, 19.90])
         with ordinality as item (product_id, sku, name, quantity, unit_price, place)
    where case when (select count(*) from write_0) < 1 then 0 end is null
    returning line
), write_2 as (
    insert into receipts (actor, key, fingerprint, stream_id, version)
    select 'pgbench', cast(:key as text), '\x5ce16d1cb30cacd83c9be36766b44968ba18fc5fba0dffa6d4bc857d2b592058',
           cast(:order as uuid), 1
    where case when (select count(*) from write_0) < 1 then 0 when (select count(*) from write_1) < 0 then 1 end is null
    on conflict do nothing
    returning true
), head as (
    update log_heads set position = position + 1
    where partition = cast(:partition as smallint) and case when (select count(*) from write_2) < 1 then 2 end is null
    returning position
), appended as (
    insert into events (partition, position, event_id, stream_id, stream_type, version, type, schema_version, data,
                        metadata, occurred_at)
    select cast(:partition as smallint), head.position, gen_random_uuid(), cast(:order as uuid), 'order', 1,
           'OrderCreated', 1, cast(format(
               '{"order_id": "%s", "number": "%s", "user_id": "%s", "user_name": "%s", "user_email": "%s", "lines": [{"product_id": "%s", "sku": "SKU-1", "name": "Product number 1", "quantity": 1, "unit_price": "19.90"}, {"product_id": "%s", "sku": "SKU-2", "name": "Product number 2", "quantity": 2, "unit_price": "19.90"}, {"product_id": "%s", "sku": "SKU-3", "name": "Product number 3", "quantity": 3, "unit_price": "19.90"}], "total": "119.40", "currency": "USD"}',
               cast(:order as text), cast(:number as text), cast(:buyer as text), cast(:name as text),
               cast(:email as text), cast(lpad(cast(:a as text), 32, '0') as uuid),
               cast(lpad(cast(:b as text), 32, '0') as uuid), cast(lpad(cast(:c as text), 32, '0') as uuid)) as jsonb),
           '{"actor": "pgbench", "idempotencyKey": "d88e4f4f-168f-4938-9cc8-a173511d3e18", "correlationId": "d22aadc8-c34e-4456-93ac-bb2b6e3b58b8"}',
           now()
    from head
    returning position
)
select case when (select count(*) from write_0) < 1 then 0 when (select count(*) from write_1) < 0 then 1
       when (select count(*) from write_2) < 1 then 2 when (select count(*) from head) < 0 then 3
       when (select count(*) from appended) < 0 then 4 end as failed, (select max(position) from appended) as answer;
commit;
