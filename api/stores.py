"""Both stores for an operator's command: reachable and migrated, or a clear word about which one is not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

import domain.database
import projections.database
from api.settings import Settings
from domain.database import log_engine
from projections.database import patient_engine


class StoreError(Exception):
    """A store cannot be used; the message says which, and what to do."""


def does_not_answer(store: str, error: OperationalError) -> str:
    return (
        f"The {store} database does not answer: {error.orig} Start it, or correct TANDEM_{store.upper()}_DATABASE_URL."
    )


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Engine, Engine]]:
    """Yield engines for the log and for the read store; raise StoreError where one cannot be used, then or later."""
    write_url, read_url = settings.for_projections
    log, read = log_engine(write_url), patient_engine(read_url)
    try:
        _check("write", log, domain.database.is_migrated)
        _check("read", read, projections.database.is_migrated)
        yield log, read
    except OperationalError as error:
        raise StoreError(f"A database no longer does what it is asked: {error.orig} Try again.") from error
    finally:
        log.dispose()
        read.dispose()


def _check(store: str, engine: Engine, is_migrated: Callable[[Connection], bool]) -> None:
    try:
        with engine.connect() as connection:
            if not is_migrated(connection):
                raise StoreError(f"The {store} database has not the schema of this code: run tandem migrate.")
    except OperationalError as error:
        raise StoreError(does_not_answer(store, error)) from error
