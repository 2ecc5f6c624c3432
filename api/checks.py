"""What Tandem runs on, looked at part by part: each finding says what is there, or what is wrong and what to do."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

import domain.database
import projections.database
from api import keys
from api.keys import UnreadableKeysError
from api.settings import SHORTEST_SECRET, AuthSettings, Settings
from api.stores import does_not_answer
from domain import schema
from domain.database import log_engine
from projections import lag
from projections.database import projection_engine
from projections.lag import ProjectionState, Standing

_OLDEST_POSTGRES = 15
_OLDEST_REDIS = 7
_SECONDS = 2.0
_CLOCKS_MAY_DIFFER = 1.0  # seconds
_HELD_TOO_LONG = 2.0  # seconds, after which commands give up on a lock


class Verdict(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    UNSAFE = "unsafe"
    """Wrong in a way that production does not start with; all works, until the day when it does not."""
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    said: str
    verdict: Verdict = Verdict.OK

    def __str__(self) -> str:
        return " ".join(f"{self.what}: {self.said}".split())  # on one line, also where a driver's error takes several


def everything(settings: Settings) -> Iterator[Finding]:
    """Look at all parts; at those that need both stores, only where these can be used."""
    if settings.in_production:
        yield signing(settings.auth)
    usable = True
    urls = settings.for_reads
    for found in (list(write_store(urls.write)), list(read_store(urls.read))):
        usable = usable and all(each.verdict is not Verdict.UNUSABLE for each in found)
        yield from found
    yield queue(settings)
    yield from roles(settings)
    if usable:
        yield heads(settings)
        yield from standings(settings)


def signing(auth: AuthSettings) -> Finding:
    """Look at what tokens are signed with."""
    return _secret(auth) if auth.jwks is None else _keys(auth.jwks)


def _secret(auth: AuthSettings) -> Finding:
    what, do = "TANDEM_AUTH_SECRET", "Set it to the output of: openssl rand -base64 48"
    if auth.development:
        return Finding(what, f"it is not set, and the default is known to everybody. {do}", Verdict.UNSAFE)
    if len(auth.secret.encode()) < SHORTEST_SECRET:
        return Finding(what, f"it has less than {SHORTEST_SECRET} bytes. {do}", Verdict.UNSAFE)
    return Finding(what, "of your own")


def _keys(source: str) -> Finding:
    what = "TANDEM_AUTH_JWKS"
    if source.startswith("http://"):
        do = "Give a URL that begins with https://, or the path of a file."
        return Finding(
            what, f"whoever is on the way to {source} could put keys of their own there. {do}", Verdict.UNSAFE
        )
    try:
        found = keys.read(source)
    except UnreadableKeysError as error:
        return Finding(what, f"nobody can sign in, until it can be read. {error}", Verdict.WRONG)
    return Finding(what, f"{len(found)} keys")


def queue(settings: Settings) -> Finding:
    try:
        with redis.Redis.from_url(
            settings.queue.redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
        ) as client:
            known: dict[str, Any] = client.info()
    except (RedisError, OSError) as error:
        wait = "Commands go on without it. Start it, or correct TANDEM_REDIS_URL."
        return Finding("Redis", f"it does not answer ({type(error).__name__}). {wait}", Verdict.WRONG)
    policy, version = known["maxmemory_policy"], str(known["redis_version"])
    if policy != "noeviction":
        do = "Set it in its configuration, and now: redis-cli config set maxmemory-policy noeviction"
        said = f"its maxmemory-policy is {policy}, which drops messages in silence; it must be noeviction. {do}"
        return Finding("Redis", said, Verdict.UNSAFE)
    if int(version.split(".", maxsplit=1)[0]) < _OLDEST_REDIS:
        return Finding("Redis", f"it is of version {version}: take {_OLDEST_REDIS} or newer.", Verdict.WRONG)
    name = "Valkey" if "valkey_version" in known else "Redis"
    return Finding("Redis", f"{name} {known.get('valkey_version', version)}, {policy}")


_SERVER = text("""
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
           current_database() as name, current_setting('synchronous_commit') as synchronous_commit,
           current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
           extract(epoch from clock_timestamp())::float as now,
           exists (select from pg_extension where extname = 'pg_trgm') as has_trigrams
""")


def write_store(url: str) -> Iterator[Finding]:
    yield from _store("write", url, domain.database.is_migrated, _durable)


def read_store(url: str) -> Iterator[Finding]:
    yield from _store("read", url, projections.database.is_migrated, _searchable)


def _store(
    store: str, url: str, is_migrated: Callable[[Connection], bool], more: Callable[[Row[Any]], Iterator[str]]
) -> Iterator[Finding]:
    what = f"{store} database"
    try:
        with schema.engine(url).connect() as connection:
            connection.execute(text("select"))  # so that the clock is asked over a connection that is there
            asked = time.time()
            server = connection.execute(_SERVER).one()
            answered = time.time()
            found = [Finding(what, amiss, Verdict.UNSAFE) for amiss in (*_version(server), *more(server))]
            if not is_migrated(connection):
                do = "Run: tandem migrate"
                found.append(Finding(what, f"it has not the schema of this code. {do}", Verdict.UNUSABLE))
    except OperationalError as error:
        yield Finding(what, does_not_answer(store, error), Verdict.UNUSABLE)
        return
    yield from found or [Finding(what, f"PostgreSQL {server.version}, migrated")]
    yield _clock(store, server.now, asked, answered)


def _version(server: Row[Any]) -> Iterator[str]:
    if server.major < _OLDEST_POSTGRES:
        yield f"it is PostgreSQL {server.version}: take {_OLDEST_POSTGRES} or newer."


def _durable(server: Row[Any]) -> Iterator[str]:
    if server.synchronous_commit == "off":
        do = f"alter database {server.name} set synchronous_commit = 'on'"
        yield f"synchronous_commit is off, so a crash takes back what was acknowledged. Run: {do}"
    for setting in ("fsync", "full_page_writes"):
        if getattr(server, setting) == "off":
            yield f"{setting} is off, so a crash may ruin it. Set it to on in postgresql.conf, and reload that."


def _searchable(server: Row[Any]) -> Iterator[str]:
    if not server.has_trigrams:
        yield "its extension pg_trgm is missing. As one who may, run in it: create extension pg_trgm"


def _clock(store: str, there: float, asked: float, answered: float) -> Finding:
    """Compare clocks as closely as the time that the answer took allows."""
    what, difference = f"clock of the {store} database", there - (asked + answered) / 2
    if abs(difference) - (answered - asked) / 2 <= _CLOCKS_MAY_DIFFER:
        return Finding(what, "as that of this host")
    said = f"{abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} that of this host. Let NTP set both."
    return Finding(what, said, Verdict.WRONG)


# Whoever may do anything, a superuser for one, may do these too.
_MAY = text("""
    select string_agg(relname, ', ' order by relname) from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and has_table_privilege(oid, :done)
      and (cast(:table as text) is null or relname = :table)
""")
_WRITE: Mapping[str, str | None] = {"done": "insert, update, delete, truncate", "table": None}
_REWRITE: Mapping[str, str | None] = {"done": "update, delete, truncate", "table": "events"}


def roles(settings: Settings) -> Iterator[Finding]:
    """Look whether the logins that are given work, and may not do what is not theirs."""
    logins = (
        ("TANDEM_COMMANDS_LOGIN", settings.commands, settings.for_commands, _REWRITE),
        ("TANDEM_PROJECTIONS_LOGIN", settings.projections, settings.for_projections.write, _WRITE),
        ("TANDEM_READS_LOGIN", settings.reads, settings.for_reads.read, _WRITE),
    )
    for what, login, url, asked in logins:
        if login is not None:
            yield _role(what, login.name, url, asked)


def _role(what: str, name: str, url: str, asked: Mapping[str, str | None]) -> Finding:
    try:
        with schema.engine(url).connect() as connection:
            changes = connection.execute(_MAY, asked).scalar_one()
    except OperationalError as error:
        return Finding(what, f"{name} cannot connect: {error.orig}", Verdict.UNUSABLE)
    if changes is None:
        return Finding(what, f"{name}, who may do its part")
    do = "Give it a role of its own that is no superuser, and run: tandem migrate"
    return Finding(what, f"{name} may do more than its part: it may change {changes}. {do}", Verdict.UNSAFE)


# Who locks the table of heads in any way but to read it has changed a head, or keeps others from it, until it commits.
_HOLDER = text("""
    select l.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown') as who, a.state,
           extract(epoch from clock_timestamp() - a.xact_start)::float as seconds
    from pg_locks l join pg_stat_activity a using (pid)
    where l.relation = 'log_heads'::regclass and l.granted and l.mode <> 'AccessShareLock' and l.pid <> pg_backend_pid()
      and l.database = (select oid from pg_database where datname = current_database())
    order by a.xact_start limit 1
""")


def heads(settings: Settings) -> Finding:
    """Tell who has held a head of the log for longest: meanwhile its partition takes no commands."""
    try:
        with schema.engine(settings.for_commands).connect() as connection:
            holder = connection.execute(_HOLDER).one_or_none()
    except SQLAlchemyError as error:
        return Finding("log heads", f"the write database stopped answering ({type(error).__name__}).", Verdict.WRONG)
    if holder is None or (holder.seconds or 0) < _HELD_TOO_LONG:
        return Finding("log heads", "none is held for long")
    said = (
        f"process {holder.pid} ({holder.who}, {holder.state}) has held one for {holder.seconds:.0f} s, and commands "
        f"wait for it. If it is not wanted, run in the write database: select pg_terminate_backend({holder.pid})"
    )
    return Finding("log heads", said, Verdict.WRONG)


def standings(settings: Settings) -> Iterator[Finding]:
    urls = settings.for_reads
    log, read = log_engine(urls.write), projection_engine(urls.read)
    try:
        found = lag.standings(log=log, read=read)
    except SQLAlchemyError as error:
        yield Finding("projections", f"the stores stopped answering ({type(error).__name__}).", Verdict.WRONG)
        return
    finally:
        log.dispose()
        read.dispose()
    for standing in found:
        amiss = list(_amiss(standing))
        for each in amiss:
            yield Finding(standing.name, each, Verdict.WRONG)
        if not amiss:
            yield Finding(standing.name, f"{standing.state.lower().replace('_', ' ')}, lag {standing.lag}")


def _amiss(standing: Standing) -> Iterator[str]:
    if standing.halted:
        yield f"it is halted: {standing.halted[0]}. What to do: tandem projections status"
    if standing.quarantined:
        retry = f"Mend the cause, then: tandem projections retry {standing.name}"
        yield f"streams that are set aside: {standing.quarantined}. {retry}"
    if standing.state is ProjectionState.CATCHING_UP:
        behind = f"it is {standing.lag} events and {standing.lag_seconds:.0f} s behind"
        yield f"{behind}. Is a worker running? Start one, or more: tandem worker"
