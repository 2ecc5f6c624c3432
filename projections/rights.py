"""What each role may do in the read store: who projects owns its tables, since a rebuild makes and renames them.

Who reads may read them, those too that are made later; commands have no business here.
"""

from domain import roles
from domain.roles import Logins, literal, names

_REVISION = "projections_revision"


def statements(url: str, logins: Logins) -> list[str]:
    """Return the SQL that gives the roles their rights, and takes all others; whoever runs it acts for the owner."""
    owner, reads = names(logins.projections), names(logins.reads)
    return [
        *roles.entry(url, may=(logins.projections, logins.reads), everybody=logins),
        f"grant create on schema public to {owner}",
        f"revoke all on all tables in schema public from {names(logins.commands, logins.reads)}",
        _own(logins.projections.name),
        f"grant select on all tables in schema public to {reads}",
        f"alter default privileges for role {owner} in schema public grant select on tables to {reads}",
        f"grant select on {_REVISION} to {owner}",
    ]


def give(url: str, logins: Logins) -> None:
    roles.give(url, logins, statements(url, logins))


def _own(owner: str) -> str:
    """Return the SQL that hands the tables over which the migrations have made; these are noted by who migrates."""
    return f"""do $$ declare found text; begin
    for found in select tablename from pg_tables
        where schemaname = 'public' and tablename <> '{_REVISION}' and tableowner <> {literal(owner)}
    loop execute format('alter table %I owner to %I', found, {literal(owner)}); end loop;
end $$"""  # noqa: S608 - quoted
