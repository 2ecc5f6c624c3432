-- createOrder of three lines as the handler sends it, statement by statement, without Python and HTTP in between.
-- Ids count as in shop.py. The fact is put together by format(), since pgbench cannot; the handler sends it as a value.
\set user random(1, 500)
\set a random(1000001, 1000066)
\set b random(1000067, 1000133)
\set c random(1000134, 1000200)
\set key random(1, 9000000000000000000)
begin;
select r.fingerprint, r.stream_id, r.version, e.partition, e.position
from receipts r
left join events e on e.stream_id = r.stream_id and e.version = r.version
where r.actor = 'pgbench' and r.key = cast(:key as text);
select users.id as buyer, users.name, users.email, cast(nextval('order_numbers') as text) as number,
       mod(crc32(uuid_send(users.id)), 48) as partition
from users
where users.id = cast(lpad(cast(:user as text), 32, '0') as uuid)
for share \gset
select products.id, products.sku, products.name, products.price, products.stock, products.retired
from products
where products.id = any (array[
    cast(lpad(cast(:a as text), 32, '0') as uuid),
    cast(lpad(cast(:b as text), 32, '0') as uuid),
    cast(lpad(cast(:c as text), 32, '0') as uuid)]);
insert into orders (id, number, user_id, status, total, currency, version, created_at, updated_at)
values (gen_random_uuid(), :number, cast(:buyer as uuid), 'pending', 119.40, 'USD', 1, now(), now())
on conflict (id) do nothing
returning orders.id as order \gset
insert into order_items (order_id, product_id, line, sku, name, quantity, unit_price)
values
    (cast(:order as uuid), cast(lpad(cast(:a as text), 32, '0') as uuid), 1, 'SKU-1', 'Product number 1', 1, 19.90),
    (cast(:order as uuid), cast(lpad(cast(:b as text), 32, '0') as uuid), 2, 'SKU-2', 'Product number 2', 2, 19.90),
    (cast(:order as uuid), cast(lpad(cast(:c as text), 32, '0') as uuid), 3, 'SKU-3', 'Product number 3', 3, 19.90);
insert into receipts (actor, key, fingerprint, stream_id, version)
values ('pgbench', cast(:key as text),
        '\x5ce16d1cb30cacd83c9be36766b44968ba18fc5fba0dffa6d4bc857d2b592058', cast(:order as uuid), 1)
on conflict do nothing
returning true;
with head as (
    update log_heads set position = position + 1 where partition = cast(:partition as smallint) returning position
)
insert into events (partition, position, event_id, stream_id, stream_type, version, type, schema_version, data,
                    metadata, occurred_at)
select cast(:partition as smallint), head.position - 1 + e.place, e.event_id, e.stream_id, e.stream_type, e.version,
       e.type, 1, e.data, e.metadata, e.occurred_at
from head, rows from (jsonb_to_recordset(cast(format(
    '[{"event_id": "%s", "stream_id": "%s", "stream_type": "order", "version": 1, "type": "OrderCreated", "data": {"order_id": "%s", "number": "%s", "user_id": "%s", "user_name": "%s", "user_email": "%s", "lines": [{"product_id": "%s", "sku": "SKU-1", "name": "Product number 1", "quantity": 1, "unit_price": "19.90"}, {"product_id": "%s", "sku": "SKU-2", "name": "Product number 2", "quantity": 2, "unit_price": "19.90"}, {"product_id": "%s", "sku": "SKU-3", "name": "Product number 3", "quantity": 3, "unit_price": "19.90"}], "total": "119.40", "currency": "USD"}, "metadata": {"actor": "pgbench", "idempotencyKey": "d88e4f4f-168f-4938-9cc8-a173511d3e18", "correlationId": "d22aadc8-c34e-4456-93ac-bb2b6e3b58b8"}, "occurred_at": "%s"}]',
    gen_random_uuid(), cast(:order as text), cast(:order as text), cast(:number as text), cast(:buyer as text),
    cast(:name as text), cast(:email as text), cast(lpad(cast(:a as text), 32, '0') as uuid),
    cast(lpad(cast(:b as text), 32, '0') as uuid), cast(lpad(cast(:c as text), 32, '0') as uuid), now()) as jsonb)) as (
    event_id uuid, stream_id uuid, stream_type text, version int, type text, data jsonb, metadata jsonb,
    occurred_at timestamptz
)) with ordinality as e (event_id, stream_id, stream_type, version, type, data, metadata, occurred_at, place)
returning position;
commit;
