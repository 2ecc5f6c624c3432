"""Tables beside the one that is shown: made like it, renamed into its place, dropped."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, text

from projections import checkpoints, states
from projections.projection import Projection

# The names in these statements are our own tables' and indexes'; no input becomes SQL.
# ruff: noqa: S608

_LOCK = text("select pg_advisory_xact_lock(hashtext(:name))")
_EXISTS = text("select to_regclass(:name) is not null")
_COLUMNS = text("""
    select attname from pg_attribute where attrelid = to_regclass(:name) and attnum > 0 and not attisdropped
""")
_INDEXES = text("""
    select c.relname as name, i.indisprimary as is_primary, a.attname as leading,
           pg_get_indexdef(i.indexrelid) as definition
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = to_regclass(:name)
    order by i.indisprimary desc, c.relname
""")
_KEPT_BY_NAME = ("checkpoints", "quarantine", "projection_states")


def lock(connection: Connection, projection: Projection) -> None:
    """Let nobody else make, rename or drop tables beside this projection's until the end of the transaction."""
    connection.execute(_LOCK, {"name": f"tandem {projection.table.__tablename__}"})


def exists(connection: Connection, beside: Projection) -> bool:
    return bool(connection.execute(_EXISTS, {"name": beside.name}).scalar_one())


def fits(connection: Connection, beside: Projection) -> bool:
    """Return whether a table has all the columns that the projection writes."""
    return set(beside.columns) <= set(connection.execute(_COLUMNS, {"name": beside.name}).scalars())


def create(connection: Connection, shown: Projection, beside: Projection) -> None:
    """Make an empty table like the shown one, with its state and its checkpoints at the beginning of the log.

    Its primary key comes with it, and an index for each column that updates find rows by; all others at the end, since
    to build one of many rows costs far less than to keep it up row by row.
    """
    connection.execute(
        text(f"create table {beside.name} (like {shown.name} including all excluding indexes excluding comments)")
    )
    indexes = connection.execute(_INDEXES, {"name": shown.name}).all()
    leading = {index.leading: index for index in reversed(indexes) if index.leading in shown.updated_by}
    _index(connection, beside, [*(index for index in indexes if index.is_primary), *leading.values()])
    states.ensure(connection, [beside])
    checkpoints.ensure(connection, [beside.name])


def finish(connection: Connection, shown: Projection, beside: Projection) -> None:
    """Make the indexes that are still lacking, and let the planner know what is in the table."""
    there = {index.name for index in connection.execute(_INDEXES, {"name": beside.name})}
    indexes = connection.execute(_INDEXES, {"name": shown.name}).all()
    _index(connection, beside, [index for index in indexes if index.name + beside.suffix not in there])
    connection.execute(text(f"analyze {beside.name}"))


def _index(connection: Connection, beside: Projection, indexes: Iterable[Any]) -> None:
    """Make the same indexes of another table, by names with its suffix."""
    for index in indexes:
        name = index.name + beside.suffix
        if index.is_primary:
            columns = index.definition.partition(" USING btree ")[2]
            connection.execute(text(f"alter table {beside.name} add constraint {name} primary key {columns}"))
        else:
            head, _, rest = index.definition.partition(f" INDEX {index.name} ON ")
            _, _, how = rest.partition(" ")
            connection.execute(text(f"{head} INDEX {name} ON {beside.name} {how}"))


def rename(connection: Connection, before: Projection, after: Projection) -> None:
    """Give a table, its indexes and all that is kept under its name another suffix."""
    for index in connection.execute(_INDEXES, {"name": before.name}).all():
        name = index.name.removesuffix(before.suffix) + after.suffix
        connection.execute(text(f"alter index {index.name} rename to {name}"))
    connection.execute(text(f"alter table {before.name} rename to {after.name}"))
    for kept in _KEPT_BY_NAME:
        connection.execute(
            text(f"update {kept} set projection = :after where projection = :before"),
            {"before": before.name, "after": after.name},
        )


def drop(connection: Connection, beside: Projection) -> bool:
    """Drop a table that is not shown, with all that is kept under its name; return whether there was one."""
    if not beside.suffix:
        raise ValueError("this would drop the table that is shown")
    found = exists(connection, beside)
    for kept in _KEPT_BY_NAME:  # checkpoints first, as who fills the table takes them, and the table thereafter
        connection.execute(text(f"delete from {kept} where projection = :name"), {"name": beside.name})
    connection.execute(text(f"drop table if exists {beside.name}"))
    return found
