"""The command line. What each command needs is imported in it, so that `tandem --help` answers at once."""

# ruff: noqa: PLC0415 - see above

import contextlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from api import data_folder, projections_cli
from api.configured import DATA, Data, refuse
from api.configured import settings as settings_of

app = typer.Typer(
    name="tandem",
    help="An order service as CQRS. Start with: tandem up",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its traces show local variables, and those hold secrets
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(projections_cli.app)

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)]


@app.command()
def up(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data: Annotated[Path, typer.Option(help="The folder for databases and logs.", file_okay=False)] = DATA,
    workers: Annotated[int, typer.Option(help="How many worker processes to start.", min=1, max=64)] = 1,
    empty: Annotated[bool, typer.Option("--empty", help="Load no demo data at the first start.")] = False,
) -> None:
    """Start everything on this machine: databases, workers, API. Ctrl-C stops it.

    Real PostgreSQL and Valkey are started in the data folder, unless TANDEM_WRITE_DATABASE_URL,
    TANDEM_READ_DATABASE_URL and TANDEM_REDIS_URL name others. The first start loads demo data, but not in production.
    """
    from api.address import AddressError
    from api.embedded import EmbeddedError
    from api.settings import ConfigurationError
    from api.supervisor import UpError
    from api.up import Options
    from api.up import up as run

    options = Options(host=host, port=port, data=data, workers=workers, empty=empty)
    try:
        run(options, os.environ, _say)
    except (ConfigurationError, data_folder.NotConfiguredError) as error:
        refuse(error)
    except (AddressError, UpError, EmbeddedError, data_folder.FolderError, OSError) as error:
        refuse(error, code=1)
    os._exit(0)  # all has been stopped and said; Python would take as long again to tidy up its memory


@app.command()
def api(*, host: Host = "127.0.0.1", port: Port = 8000, data: Data = DATA) -> None:
    """Serve the GraphQL API, and nothing else."""
    settings = settings_of(data)
    from api import production
    from api.address import AddressError, check_address
    from api.app import serve
    from api.settings import ConfigurationError

    try:
        check_address(host, port)
        production.check(settings)
        serve(settings, host, port)
    except AddressError as error:
        refuse(error, code=1)
    except ConfigurationError as error:
        refuse(error)


@app.command()
def worker(
    *,
    concurrency: Annotated[int, typer.Option(help="How many tasks at the same time.", min=1, max=64)] = 2,
    data: Data = DATA,
) -> None:
    """Run one Celery worker, which keeps the read tables up to date."""
    settings = settings_of(data)
    from api import production
    from api.settings import ConfigurationError

    try:
        production.check(settings, signs=False)
    except ConfigurationError as error:
        refuse(error)
    folder = None
    if settings.metrics.worker_port is not None:
        folder = Path(tempfile.mkdtemp(prefix="tandem-metrics-"))
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # prometheus_client looks here while it is imported
    from tasks.app import run_worker

    run_worker(settings.worker, concurrency=concurrency, counted_in=folder)


@app.command()
def migrate(*, data: Data = DATA) -> None:
    """Bring the schemas of both databases up to date."""
    settings = settings_of(data)
    from api.supervisor import UpError
    from api.up import migrate as run

    try:
        applied = run(settings)
    except UpError as error:
        refuse(error, code=1)
    for store, revisions in applied.items():
        print(f"{store}: applied {', '.join(revisions)}" if revisions else f"{store}: up to date")


@app.command()
def roles(*, data: Data = DATA) -> None:
    """Print the SQL that creates the roles of the three TANDEM_..._LOGIN and gives them their rights.

    `tandem migrate` runs the same, where whoever the URLs name may.
    """
    settings = settings_of(data)
    if settings.logins is None:
        refuse("Set TANDEM_COMMANDS_LOGIN, TANDEM_PROJECTIONS_LOGIN and TANDEM_READS_LOGIN first.")
    from api.roles import script

    print(script(settings, settings.logins))


@app.command()
def doctor(*, data: Data = DATA) -> None:
    """Look at all that Tandem runs on, and say what is wrong and what to do.

    Exits with 0 where nothing is wrong, else with 1.
    """
    settings = settings_of(data)
    from api import checks

    is_well = True
    for finding in checks.everything(settings):
        is_ok = finding.verdict is checks.Verdict.OK
        print(f"{'ok' if is_ok else 'WRONG':5}  {finding}", flush=True)
        is_well = is_well and is_ok
    raise typer.Exit(0 if is_well else 1)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.schema import create_schema

    print(create_schema().as_str())


@app.command(name="draft-migration")
def draft_migration(
    store: Annotated[Literal["write", "read"], typer.Argument(help="Whose tables were changed.")],
    message: Annotated[str, typer.Argument(help="What the migration does, in a few words.")],
) -> None:
    """Draft a migration from the models, on an empty store of its own; read it before it is used."""
    import domain.database
    import domain.schema
    import projections.database
    from api import embedded

    database = domain.database if store == "write" else projections.database
    with embedded.passing_stores() as stores:
        url = stores.write_url if store == "write" else stores.read_url
        database.migrate(url)
        drafted = domain.schema.draft(url, database.MIGRATIONS, message)
    if drafted is None:
        refuse(
            ValueError(f"No table of the {store} store differs from its models: there is nothing to migrate."), code=1
        )
    print(drafted)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="Commands as JSON Lines.", exists=True, dir_okay=False, readable=True)],
    *,
    refused: Annotated[Path | None, typer.Option(help="Where refused lines go, with the reasons.")] = None,
    data: Data = DATA,
) -> None:
    """Carry out the commands of a file.

    It may be interrupted and started again: what was done is not done twice.
    """
    settings = settings_of(data)
    from rich.console import Console

    from api.importer import import_file

    raise typer.Exit(import_file(settings, file, refused=refused, console=Console()))


@app.command()
def token(
    *,
    staff: Annotated[bool, typer.Option("--staff", help="For staff, who may see and do everything.")] = False,
    user: Annotated[UUID | None, typer.Option(help="For the customer with this id.", metavar="ID")] = None,
    hours: Annotated[float, typer.Option(help="How long it is valid.", min=0.01, max=24 * 366)] = 24,
) -> None:
    """Print a bearer token for development, and nothing else."""
    if staff == (user is not None):
        raise typer.BadParameter("Give either --staff or --user ID.")
    from api.auth import mint
    from api.settings import ConfigurationError, auth_from_environment

    role: Literal["staff", "customer"] = "staff" if staff else "customer"
    try:
        auth = auth_from_environment(os.environ)
        print(mint(auth, subject=str(user or "staff"), role=role, lifetime=timedelta(hours=hours)))
    except ConfigurationError as error:
        refuse(error)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # that nobody reads any longer is no reason to stop
        print(line, flush=True)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
