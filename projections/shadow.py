"""Tables beside the one that is shown: made like it, renamed into its place, dropped."""

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
    select c.relname as name, i.indisprimary as is_primary, m.amname = 'btree' as is_btree,
           pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
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

    Its primary key and its B-trees come with it, the others at the end: they cost too much row by row.
    """
    connection.execute(
        text(f"create table {beside.name} (like {shown.name} including all excluding indexes excluding comments)")
    )
    _index(connection, shown, beside, only_btrees=True)
    states.ensure(connection, [beside])
    checkpoints.ensure(connection, [beside.name])


def finish(connection: Connection, shown: Projection, beside: Projection) -> None:
    """Make the indexes that are still lacking, and let the planner know what is in the table."""
    _index(connection, shown, beside, only_btrees=False)
    connection.execute(text(f"analyze {beside.name}"))


def _index(connection: Connection, shown: Projection, beside: Projection, *, only_btrees: bool) -> None:
    there = {found.name for found in connection.execute(_INDEXES, {"name": beside.name})}
    for index in connection.execute(_INDEXES, {"name": shown.name}).all():
        name = index.name + beside.suffix
        if name in there or (only_btrees and not index.is_btree):
            continue
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
    connection.execute(text(f"drop table if exists {beside.name}"))
    for kept in _KEPT_BY_NAME:
        connection.execute(text(f"delete from {kept} where projection = :name"), {"name": beside.name})
    return found
