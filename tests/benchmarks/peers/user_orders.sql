-- The rows of user_orders_view in one statement over a copy of the log, `log_copy`, in the same database.
select created.stream_id as order_id,
       created.data ->> 'number' as number,
       cast(created.data ->> 'user_id' as uuid) as user_id,
       created.data ->> 'user_name' as user_name,
       created.data ->> 'user_email' as user_email,
       cast(created.data ->> 'total' as numeric) as total,
       created.data ->> 'currency' as currency,
       jsonb_array_length(created.data -> 'lines') as item_count,
       lines.names as item_names,
       lines.items,
       case when moved.shipped is not null then 'shipped' when moved.paid is not null then 'paid' else 'pending' end
           as status,
       moved.paid ->> 'payment_reference' as payment_reference,
       moved.shipped ->> 'carrier' as carrier,
       moved.shipped ->> 'tracking_number' as tracking_number,
       cast(null as text) as cancellation_reason,
       created.occurred_at as created_at,
       moved.updated_at,
       moved.version,
       false as stale,
       moved.timeline,
       moved.log_position
from log_copy created
join (
    select stream_id,
           max(version) as version,
           max(position) as log_position,
           max(occurred_at) as updated_at,
           (array_agg(data) filter (where type = 'OrderPaid'))[1] as paid,
           (array_agg(data) filter (where type = 'OrderShipped'))[1] as shipped,
           jsonb_agg(
               jsonb_build_object(
                   'version', version,
                   'type', type,
                   'at', to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
                   'actor', actor,
                   'details', case type
                       when 'OrderCreated' then jsonb_build_object(
                           'total', data -> 'total', 'currency', data -> 'currency',
                           'itemCount', jsonb_array_length(data -> 'lines')
                       )
                       when 'OrderPaid' then jsonb_build_object('paymentReference', data -> 'payment_reference')
                       when 'OrderShipped' then jsonb_build_object(
                           'carrier', data -> 'carrier', 'trackingNumber', data -> 'tracking_number'
                       )
                   end
               ) order by version
           ) as timeline
    from log_copy
    where stream_type = 'order'
    group by stream_id
) moved on moved.stream_id = created.stream_id
cross join lateral (
    select string_agg(line ->> 'name', ', ' order by place) as names,
           jsonb_agg(
               jsonb_build_object(
                   'product_id', line -> 'product_id',
                   'sku', line -> 'sku',
                   'name', line -> 'name',
                   'quantity', line -> 'quantity',
                   'unit_price', line -> 'unit_price',
                   'line_total',
                   cast(cast(line ->> 'unit_price' as numeric) * cast(line ->> 'quantity' as int) as text)
               ) order by place
           ) as items
    from jsonb_array_elements(created.data -> 'lines') with ordinality as each (line, place)
) lines
where created.type = 'OrderCreated'
