"""What each role may do in the write store: commands append to the log and change none of it, others only read."""

from domain import roles
from domain.roles import Logins, names

# What is there by now; a table that has no line here is for nobody but its owner.
COMMANDS = {
    "users": "select, insert, update",
    "products": "select, insert, update",
    "orders": "select, insert, update",
    "order_items": "select, insert, update, delete",
    "receipts": "select, insert, update, delete",  # `update` is for the locks of who prunes them
    "events": "select, insert",
    "log_heads": "select, update",
    "log_identity": "select",
}
# The log, and what `tandem projections verify` compares with.
PROJECTIONS = dict.fromkeys(
    ("users", "products", "orders", "order_items", "events", "log_heads", "log_identity"), "select"
)
# How far the log is and how old an event is, but not what it says.
READS = {"events": "select (partition, position, recorded_at)", "log_heads": "select", "log_identity": "select"}


def statements(url: str, logins: Logins) -> list[str]:
    """Return the SQL that gives the roles their rights, and takes all others."""
    everybody = names(*logins.all)
    granted = ((COMMANDS, logins.commands), (PROJECTIONS, logins.projections), (READS, logins.reads))
    return [
        *roles.entry(url, may=logins.all, everybody=logins),
        f"revoke all on all tables in schema public from {everybody}",
        f"revoke all on all sequences in schema public from {everybody}",
        *(f"grant {right} on {table} to {names(who)}" for rights, who in granted for table, right in rights.items()),
        f"grant usage, select on sequence order_numbers to {names(logins.commands)}",
        f"grant select on domain_revision to {everybody}",
    ]


def give(url: str, logins: Logins) -> None:
    roles.give(url, logins, statements(url, logins))
