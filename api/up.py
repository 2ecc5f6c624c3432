"""`tandem up`: stores, workers and API on this machine, in the foreground; what it started ends with it."""

import contextlib
import http.client
import ipaddress
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.exc import OperationalError

import domain.database
import domain.rights
import projections.database
import projections.rights
from api import data_folder, embedded, production, trusted_documents
from api.address import check_address
from api.auth import mint
from api.demo import EXAMPLE_USER_ID, commands, users
from api.importer import import_commands
from api.processes import spawn
from api.settings import Settings
from api.stores import does_not_answer
from api.supervisor import Part, Supervisor, UpError
from domain.bus import UnavailableError
from domain.database import log_engine
from domain.schema import SchemaError
from projections import catalogue, lag
from projections.database import projection_engine

READY_WITHIN = 60.0
SHOWN_WITHIN = 20.0
TOKEN_LIFETIME = timedelta(days=7)
OPEN_TO_ALL = (
    "Whoever reaches this port can sign in as staff: the secret is the one for development, which everybody knows. "
    "Set TANDEM_AUTH_SECRET to one of your own."
)
# On servers of our own roles need no passwords: nobody else can enter the folder of their sockets.
LOGINS = {
    "TANDEM_COMMANDS_LOGIN": "tandem_commands",
    "TANDEM_PROJECTIONS_LOGIN": "tandem_projections",
    "TANDEM_READS_LOGIN": "tandem_reads",
}
SOURCE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    host: str
    port: int
    data: Path
    workers: int
    empty: bool

    @property
    def logs(self) -> Path:
        return self.data / "logs"


def up(options: Options, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM. What keeps it from running is raised after everything has been stopped."""
    given = data_folder.configured(environ)
    data_folder.make(options.data)
    options.logs.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        check_folder = stack.enter_context(data_folder.locked(options.data))
        check_address(options.host, options.port)
        where = None if given else stack.enter_context(embedded.places(options.data))
        urls = {**_urls(where), **LOGINS} if where else given
        settings = Settings.from_environment({**environ, **urls})
        if settings.trusted_documents:
            trusted_documents.read(settings.trusted_documents)  # or be refused here, rather than in the API's log
        supervisor = stack.enter_context(Supervisor(say))
        if where:
            _start_stores(supervisor, where, options)
        migrate(settings)
        production.check(settings)
        if where:
            _finish_first_start(settings, options, say)
        stack.enter_context(data_folder.published(options.data, urls))
        _start_processes(supervisor, options, {**environ, **urls})
        _wait_until_ready(supervisor, options)
        if where:
            _wait_until_shown(supervisor, settings)
        if settings.auth.development and not _loopback(options.host):
            say(OPEN_TO_ALL)
        say(_welcome(settings, options, demo=bool(where) and data_folder.first_start(options.data) == "demo"))
        supervisor.watch(check_folder)
    say("Stopped.")


def migrate(settings: Settings) -> dict[str, list[str]]:
    """Bring both stores to the newest schema, and roles to their rights; return the revisions applied to each."""
    steps = {
        "write": (domain.database.migrate, domain.rights.give, settings.write.database_url),
        "read": (projections.database.migrate, projections.rights.give, settings.read.database_url),
    }
    if (settings.commands or settings.projections or settings.reads) and settings.logins is None:
        raise UpError(f"To give roles their rights, all of {', '.join(LOGINS)} must be set.")
    applied = {}
    for store, (bring_up_to_date, give_rights, url) in steps.items():
        try:
            applied[store] = bring_up_to_date(url)
            if settings.logins:
                give_rights(url, settings.logins)
        except SchemaError as error:
            raise UpError(str(error)) from error
        except OperationalError as error:
            raise UpError(does_not_answer(store, error)) from error
    return applied


def _start_stores(supervisor: Supervisor, where: embedded.Places, options: Options) -> None:
    if data_folder.first_start(options.data) == "begun":
        supervisor.say("The first start was not finished; finishing it now.")
    elif data_folder.first_start(options.data) is None:
        data_folder.note_first_start(options.data, "begun")
    supervisor.say(f"Starting PostgreSQL and Valkey in {options.data} …")
    postgres = Part(
        name="PostgreSQL",
        start=partial(embedded.start_postgres, where, {}),
        log=options.logs / "postgres.log",
        signals=embedded.POSTGRES_STOP,
    )
    valkey = Part(
        name="Valkey",
        start=partial(embedded.start_valkey, where),
        log=options.logs / "valkey.log",
        signals=embedded.VALKEY_STOP,
    )
    supervisor.start(postgres)
    supervisor.start(valkey)


def _finish_first_start(settings: Settings, options: Options, say: Callable[[str], None]) -> None:
    if data_folder.first_start(options.data) != "begun":
        return
    empty = options.empty or settings.in_production  # whatever was said at a start before, which may have been refused
    if not empty:
        say("Loading demo data …")
        try:
            report = import_commands(settings, commands())
        except UnavailableError as error:
            raise UpError("The write database stopped answering. Start again: it goes on where it was.") from error
        if report.refused:
            raise UpError(f"{report.refused} commands of the demo data were refused. Start with --empty instead.")
    data_folder.note_first_start(options.data, "empty" if empty else "demo")


def _start_processes(supervisor: Supervisor, options: Options, environ: Mapping[str, str]) -> None:
    supervisor.say(
        "Starting the API and the worker …" if options.workers == 1 else "Starting the API and the workers …"
    )
    for number in range(1, options.workers + 1):
        name = f"worker-{number}"
        supervisor.start(_child(f"Worker {number}", ["worker"], options.logs / f"{name}.log", environ, within=15))
    address = ["--host", options.host, "--port", str(options.port)]
    supervisor.start(_child("The API", ["api", *address], options.logs / "api.log", environ, within=10))


def _child(name: str, arguments: list[str], log: Path, environ: Mapping[str, str], *, within: float) -> Part:
    # -P: a folder `api` in the current folder is not ours, unless we run from the source itself.
    isolated = [] if Path.cwd() == SOURCE else ["-P"]
    command = [sys.executable, *isolated, "-m", "api.cli", *arguments]
    environment = {**environ, "PYTHONUNBUFFERED": "1"}
    start = partial(spawn, command, log=log, environment=environment, death=signal.SIGTERM)
    return Part(name=name, start=start, log=log, within=within)


def _wait_until_ready(supervisor: Supervisor, options: Options) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while (answer := _readiness(options)) is not None:
        supervisor.check()
        if time.monotonic() > deadline:
            api = supervisor.parts[-1]
            raise UpError(f"The API is not ready after {READY_WITHIN:.0f} s ({answer}). {api.end_of_log()}")
        time.sleep(0.1)


def _wait_until_shown(supervisor: Supervisor, settings: Settings) -> None:
    """Return once the read tables show what the log has, so that the first query finds the demo data."""
    urls = settings.for_projections
    log, read = log_engine(urls.write), projection_engine(urls.read)
    deadline = time.monotonic() + SHOWN_WITHIN
    names = [projection.name for projection in catalogue.projections()]
    while lag.partitions_behind(log=log, read=read, names=names) and time.monotonic() < deadline:
        supervisor.check()
        time.sleep(0.1)
    log.dispose()
    read.dispose()


def _readiness(options: Options) -> str | None:
    """What keeps the API from being ready; None when it is."""
    connection = http.client.HTTPConnection(_reachable(options.host), options.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if response.status == http.HTTPStatus.OK else f"{response.status}: {body.strip()}"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(socket.gethostbyname(host) if ":" not in host else host).is_loopback
    except (OSError, ValueError):
        return False


def _reachable(host: str) -> str:
    """An address to call: one may listen on all, but not call all."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - it is read, not bound


def _urls(where: embedded.Places) -> dict[str, str]:
    return dict(zip(data_folder.URLS, (where.write_url, where.read_url, where.redis_url), strict=True))


def _welcome(settings: Settings, options: Options, *, demo: bool) -> str:
    host = _reachable(options.host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{options.port}"
    graphiql = "" if settings.in_production else f"\n  GraphiQL        {address}/graphiql"
    return f"""
Tandem is running.
{graphiql}
  GraphQL         {address}/graphql
{_tokens(settings, demo=demo)}
  Logs            {options.logs}

Ctrl-C stops it.
"""


def _tokens(settings: Settings, *, demo: bool) -> str:
    if settings.auth.jwks:
        return f"  Tokens          by the keys of {settings.auth.jwks}"
    if settings.in_production:  # where what is printed may be kept by others
        return "  Tokens          tandem token (--staff | --user ID) prints one"
    customer, who = _customer(demo=demo)
    staff_token = mint(settings.auth, subject="staff", role="staff", lifetime=TOKEN_LIFETIME)
    customer_token = mint(settings.auth, subject=customer, role="customer", lifetime=TOKEN_LIFETIME)
    return f"""\
  Staff token     {staff_token}
  Customer token  {customer_token}
                  {who}"""


def _customer(*, demo: bool) -> tuple[str, str]:
    if not demo:
        return EXAMPLE_USER_ID, f"for the user {EXAMPLE_USER_ID}, once registered with that id"
    user = users()[0]
    return user.id, f"for {user.name}, user {user.id}"
