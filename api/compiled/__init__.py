"""Compiled reads: a query is planned once for all that ask it, and then costs little more than its SQL.

Strawberry resolves a page of 20 rows field by field, which takes milliseconds of interpreter. Here the document

    query Page($user: ID!) {
      userOrders(userId: $user, first: 2) { nodes { number total { amount } status } }
    }

is parsed, validated and planned once. Its plan has, for each field of the query, the columns that are shown:

    select order_id, number, total, status, created_at from user_orders_view
    where user_id = $1 order by created_at desc, order_id desc limit $2

and the parts that make JSON of those columns, all rows of a column at once (`parts`):

    objects({
        "number": column(["number"], None),
        "total": objects({"amount": leaf(column(["total"], None), <Decimal>)}),
        "status": leaf(column(["status"], None), <OrderStatus>),
    })

The function that resolves the field itself is run as ever: who may ask, what arguments mean, which rows are chosen and
how fresh they have to be is decided there and nowhere else (`reading`). What is not known here, a field with
a resolver of its own, a type that shows no rows, is left to Strawberry, the whole query with it; so is a value that
GraphQL has no place for, which is an error. `TANDEM_COMPILED_READS=off` leaves all of it to Strawberry.

Nothing here knows a table or a type: `planning` reads the schema, what its types tell of their rows (`api.shown`), and
the columns of their SQLModel classes.
"""
