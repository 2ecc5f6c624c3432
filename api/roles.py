"""The SQL that separates roles, for who may run it where `tandem migrate` may not."""

from sqlalchemy.engine import make_url

import domain.rights
import projections.rights
from api.settings import Settings
from domain import roles
from domain.roles import Logins, quoted


def script(settings: Settings, logins: Logins) -> str:
    """Return it for psql, without passwords, which whoever runs it gives."""
    write, read = settings.write.database_url, settings.read.database_url
    owner = make_url(read).username
    acting = [f"grant {roles.names(logins.projections)} to {quoted(owner)}"] if owner else []
    steps = [
        ("-- once on each server, and then \\password for each", [*roles.create(logins), *acting]),
        (f"\\connect {quoted(str(make_url(write).database))}", domain.rights.statements(write, logins)),
        (f"\\connect {quoted(str(make_url(read).database))}", projections.rights.statements(read, logins)),
    ]
    return "\n\n".join("\n".join([head, *(f"{each};" for each in statements)]) for head, statements in steps)
