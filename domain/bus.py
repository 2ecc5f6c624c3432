"""The bus: the one place where a command's transaction opens and commits.

In this order, which rules out deadlocks: the handler locks and decides; its rows, the receipt and the event are
written in one statement; the transaction commits; then the partition is nudged. Whether there is a receipt is found out
by writing it, and then, or where a command is refused, by looking for it; dry runs, and commands that share a
transaction, look first.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from domain import event_log, receipts, text
from domain.commands import HANDLERS, Command
from domain.database import LOST, CommandPool
from domain.errors import InvalidInput, Refusal
from domain.event_log import Entry, Origin
from domain.events import Event
from domain.money import Currency
from domain.statements import Connection, Write
from domain.transaction import Actor, Change, Transaction

LONGEST_KEY = 200
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_ATTEMPTS = 4
# Serialisation failure, deadlock, lock timeout, and two writers of one stream version: another try may go through.
_TRY_AGAIN = {"40001", "40P01", "55P03", "23505"}
# Classes of states in which the server, not the command, is at fault: connection, resources, operator, system.
_OUT_OF_ORDER = {"08", "25", "53", "57", "58"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command with who sends it and how it is to be carried out; `at` None: now."""

    command: Command
    actor: Actor
    idempotency_key: str | None = None
    expected_version: int | None = None
    dry_run: bool = False
    at: datetime | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    """Where in a trace it is, as W3C's Trace Context writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A command was carried out, now or (`replayed`) before with the same key.

    `partition` and `position` say where its event is in the log. For a dry run they say where the aggregate's latest
    event is, 0 for a new one, and `preview` is the event that would come next; None where a replay adds none.
    """

    stream_id: UUID
    version: int
    partition: int
    position: int
    replayed: bool = False
    dry_run: bool = False
    preview: Event | None = None


class UnavailableError(Exception):
    """The write store cannot be reached or does not answer in time; whether the command was carried out is unknown."""


class _Undo(Exception):  # noqa: N818 - carries a dry run's answer out of the transaction that it rolls back
    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted


class Bus:
    def __init__(self, pool: CommandPool, *, currency: Currency, nudge: Callable[[int], None]) -> None:
        self._pool = pool
        self._currency = currency
        self._nudge = nudge

    async def execute(self, request: Request) -> Accepted:
        """Carry out one command, durably; raise the Refusal if it is refused."""
        [outcome] = await self._attempt([_timed(request)])
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def execute_all(self, requests: Sequence[Request]) -> list[Accepted | Refusal]:
        """Carry out commands in their order, in one transaction; those refused are left out, the others stand."""
        if any(request.dry_run for request in requests):
            raise ValueError("a dry run undoes its transaction: it cannot share one")
        return await self._attempt([_timed(request) for request in requests])

    async def _attempt(self, requests: Sequence[Request]) -> list[Accepted | Refusal]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._transaction(requests, look=attempt > 1)
            except receipts.KeyTakenMeanwhileError:
                continue
            except asyncpg.PostgresError as error:
                if error.sqlstate not in _TRY_AGAIN and error.sqlstate[:2] not in _OUT_OF_ORDER:
                    raise  # a defect of ours
                if error.sqlstate not in _TRY_AGAIN or attempt == _ATTEMPTS:
                    raise UnavailableError from error
                await asyncio.sleep(random.uniform(0.005, 0.02) * attempt)  # noqa: S311 - jitter, not a secret
            except asyncpg.DataError:
                raise  # a value that does not fit its column: a defect of ours too
            except (*LOST, TimeoutError) as error:
                raise UnavailableError from error
        raise UnavailableError

    async def _transaction(self, requests: Sequence[Request], *, look: bool) -> list[Accepted | Refusal]:
        alone = len(requests) == 1
        try:
            async with self._pool.transaction() as connection:
                outcomes = [
                    await self._carry_out(connection, request, look=look or not alone, append=alone)
                    for request in requests
                ]
                events = iter(await event_log.append(connection, [out for out in outcomes if isinstance(out, Entry)]))
        except _Undo as undone:
            return [undone.accepted]
        done = [next(events) if isinstance(out, Entry) else out for out in outcomes]
        for partition in {out.partition for out in done if isinstance(out, Event)}:
            self._nudge(partition)
        return [_accepted(out) if isinstance(out, Event) else out for out in done]

    async def _carry_out(
        self, connection: Connection, request: Request, *, look: bool, append: bool
    ) -> Accepted | Refusal | Entry | Event:
        """Do all of a command, or all but the append; what is already done or refused is the answer itself."""
        try:
            if (look or request.dry_run) and (answer := await _replay(connection, request)) is not None:
                return answer
            return await _write(connection, request, await self._handle(connection, request), append=append)
        except Refusal as refusal:
            return await _replay_after(refusal, connection, request)

    async def _handle(self, connection: Connection, request: Request) -> Change:
        handle: Callable[[Command, Transaction], Awaitable[Change]] = HANDLERS[type(request.command)]
        transaction = Transaction(
            connection=connection,
            actor=request.actor,
            currency=self._currency,
            now=_moment(request),
            new_id=uuid7,
            expected_version=request.expected_version,
            dry_run=request.dry_run,
        )
        return await handle(request.command, transaction)


def _timed(request: Request) -> Request:
    return request if request.at is not None else replace(request, at=datetime.now(UTC))


def _moment(request: Request) -> datetime:
    """Return when it happens; the first and the last moment that other systems know, no projection could read."""
    assert request.at is not None  # noqa: S101 - every request is timed before its transaction
    if not _EARLIEST <= request.at < _LATEST:
        raise InvalidInput("This must be a moment from 1900 to 2199; leave it out if it is not known.", ("at",))
    return request.at


async def _replay(connection: Connection, request: Request) -> Accepted | None:
    if request.idempotency_key is None:
        return None
    found = await receipts.find(
        connection, actor=request.actor.id, key=_key(request.idempotency_key), print_=_print(request)
    )
    if found is None:
        return None
    return Accepted(
        stream_id=found.stream_id,
        version=found.version,
        partition=found.partition,
        position=found.position,
        replayed=True,
        dry_run=request.dry_run,
    )


async def _replay_after(refusal: Refusal, connection: Connection, request: Request) -> Accepted | Refusal:
    """Look now: what would be refused may have been carried out before, or while this one waited for its locks."""
    try:
        return await _replay(connection, request) or refusal
    except Refusal as before_that:
        return before_that


async def _preview(connection: Connection, entry: Entry) -> Accepted:
    event = entry.event
    return Accepted(
        stream_id=event.stream_id,
        version=event.version,
        partition=event.partition,
        position=await event_log.latest_position(connection, event.stream_id),
        dry_run=True,
        preview=event,
    )


async def _write(connection: Connection, request: Request, change: Change, *, append: bool) -> Entry | Event:
    entry = _entry(change, request)
    if request.dry_run:
        await connection.write(*change.writes)
        raise _Undo(await _preview(connection, entry))
    writes = [*change.writes, *_receipt(request, change)]
    if append:
        [event] = await event_log.append(connection, [entry], after=writes)
        return event
    await connection.write(*writes)
    return entry


def _receipt(request: Request, change: Change) -> list[Write]:
    if request.idempotency_key is None:
        return []
    receipt = receipts.write(
        actor=request.actor.id,
        key=_key(request.idempotency_key),
        print_=_print(request),
        stream_id=change.stream_id,
        version=change.version,
    )
    return [receipt]


def _key(given: str) -> str:
    key = text.line(given, ("idempotencyKey",), what="The idempotencyKey", longest=LONGEST_KEY)
    if key != given:
        raise InvalidInput("The idempotencyKey must not begin or end with a blank.", ("idempotencyKey",))
    return key


def _print(request: Request) -> bytes:
    return receipts.fingerprint(request.command, request.expected_version)


def _entry(change: Change, request: Request) -> Entry:
    event = Event(
        stream_type=change.stream_type,
        stream_id=change.stream_id,
        version=change.version,
        fact=change.fact,
        at=_moment(request),
        actor=request.actor.id,
        partition=change.partition,
    )
    origin = Origin(
        actor=request.actor.id,
        idempotency_key=request.idempotency_key,
        correlation_id=request.correlation_id,
        traceparent=request.traceparent,
    )
    return Entry(event_id=uuid7(), event=event, origin=origin)


def _accepted(event: Event) -> Accepted:
    return Accepted(
        stream_id=event.stream_id, version=event.version, partition=event.partition, position=event.position
    )
