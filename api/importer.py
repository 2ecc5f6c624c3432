"""Carries out commands from JSON Lines, many a transaction; started again, it goes on where it was interrupted.

A line is `{"command": "createOrder", "at": "2026-01-31T12:00:00Z", "input": {...}}` with the contract's names. One
without an idempotencyKey is given one made of its place and its text, so that it too is carried out once.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.decoding import request
from api.settings import Settings
from domain.bus import Accepted, Bus, Request, UnavailableError
from domain.commands import HANDLERS, Command
from domain.database import CommandPool
from domain.errors import InvalidInput, Refusal
from domain.money import Currency
from domain.transaction import Actor
from projections import progress
from tasks.app import create_producer
from tasks.nudge import Nudger, sender
from tasks.project import enqueue

BATCH = 100
UNUSABLE = 2
INTERRUPTED = 130  # what a shell answers for Ctrl-C
_ACTOR = Actor(id="staff:import", staff=True)
_COMMANDS: dict[str, type[Command]] = {
    command.__name__[0].lower() + command.__name__[1:]: command for command in HANDLERS
}


@dataclass(slots=True)
class ImportReport:
    accepted: int = 0
    replayed: int = 0
    refused: int = 0
    reasons: list["Refused"] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.accepted + self.replayed + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    line: int
    code: str
    message: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    number: int
    text: str
    wanted: Request | InvalidInput


def import_file(settings: Settings, path: Path, *, refused: Path | None, console: Console) -> int:
    """Import a file with a progress bar; return 0, 1 if lines were refused or the store failed, 130 if interrupted.

    Refused lines are written to `refused`, by default beside the file with the ending .refused.jsonl, where none are
    left once all is done.
    """
    beside = refused or path.with_name(path.name.removesuffix(".jsonl") + ".refused.jsonl")
    if beside.resolve() == path.resolve() or beside.is_dir() or not beside.parent.is_dir():
        console.print(f"Refused lines cannot be written to {beside}: give another file with --refused.", markup=False)
        return UNUSABLE
    report = ImportReport()
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        total = sum(1 for line in lines if line.strip())
        lines.seek(0)
        columns = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(*columns, console=console) as bar:
                task = bar.add_task("import", total=total)
                asyncio.run(_import(settings, _parsed(lines), report, lambda: bar.update(task, completed=report.done)))
            code = 1 if report.refused else 0
        except UnavailableError:
            console.print("The write store does not answer. Start the same import again: it goes on where it was.")
            code = 1
        except KeyboardInterrupt:
            console.print("Interrupted. Start the same import again: it goes on where it was.")
            code = INTERRUPTED
    console.print(f"{report.accepted} accepted, {report.replayed} replayed, {report.refused} refused.")
    _write_refused(report, beside, console)
    if code == 0 and refused is None:
        beside.unlink(missing_ok=True)  # what was refused at an earlier start, and is done now
    return code


def import_commands(settings: Settings, commands: Iterable[Mapping[str, Any]]) -> ImportReport:
    """Carry out commands that are at hand, without a word."""
    report = ImportReport()
    lines = (_line(number, json.dumps(command), command) for number, command in enumerate(commands, start=1))
    asyncio.run(_import(settings, lines, report, lambda: None))
    return report


async def _import(settings: Settings, lines: Iterator[_Line], report: ImportReport, tick: Callable[[], None]) -> None:
    async with _bus(settings) as bus:
        while batch := list(islice(lines, BATCH)):
            requests = [line.wanted for line in batch if isinstance(line.wanted, Request)]
            outcomes = iter(await bus.execute_all(requests) if requests else ())
            for line in batch:
                _note(report, line, next(outcomes) if isinstance(line.wanted, Request) else line.wanted)
            tick()


def _note(report: ImportReport, line: _Line, outcome: Accepted | Refusal) -> None:
    match outcome:
        case Accepted(replayed=True):
            report.replayed += 1
        case Accepted():
            report.accepted += 1
        case Refusal():
            report.refused += 1
            report.reasons.append(
                Refused(
                    line=line.number,
                    code=outcome.code,
                    message=outcome.message,
                    path=".".join(outcome.path),
                    text=line.text,
                )
            )


def _parsed(lines: Iterable[str]) -> Iterator[_Line]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = InvalidInput(f"This line is not JSON: {error}.")
            yield _Line(number=number, text=text, wanted=reason)
        else:
            yield _line(number, text, value)


def _line(number: int, text: str, value: Any) -> _Line:
    try:
        return _Line(number=number, text=text, wanted=_request(number, text, value))
    except InvalidInput as refusal:
        return _Line(number=number, text=text, wanted=refusal)


def _request(number: int, text: str, value: Any) -> Request:
    if not isinstance(value, Mapping) or not isinstance(value.get("input"), Mapping):
        raise InvalidInput('A line must be like {"command": "payOrder", "at": "2026-01-31T12:00:00Z", "input": {...}}.')
    command = _COMMANDS.get(str(value.get("command")))
    if command is None:
        raise InvalidInput(f"There is no such command; there are {', '.join(sorted(_COMMANDS))}.", ("command",))
    wanted = request(command, value["input"], actor=_ACTOR)
    if wanted.dry_run:
        raise InvalidInput("An import has no dry runs: leave dryRun out.", ("dryRun",))
    key = wanted.idempotency_key or f"import-{number}-{sha256(text.encode(errors='surrogateescape')).hexdigest()[:40]}"
    return replace(wanted, at=_moment(value.get("at")), idempotency_key=key)


def _moment(value: object) -> datetime | None:
    """Return when it happened; None, so now, where the line does not say."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("This must be a moment like 2026-01-31T12:00:00Z.", ("at",)) from None


def _write_refused(report: ImportReport, path: Path, console: Console) -> None:
    if not report.reasons:
        return
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for refused in report.reasons:
            entry = {name: getattr(refused, name) for name in ("line", "code", "message", "path", "text")}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    for reason, count in Counter((refused.code, refused.message) for refused in report.reasons).most_common(5):
        console.print(f"  {count} x {reason[0]}: {reason[1]}", markup=False, soft_wrap=True)
    console.print(f"The refused lines, with their reasons, are in {path}.", markup=False, soft_wrap=True)


@asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[Bus]:
    hints = progress.connect(settings.queue.redis_url)
    nudger = Nudger(sender(hints, partial(enqueue, create_producer(settings.queue))))
    nudger.start()
    try:
        async with CommandPool(settings.for_commands, connections=1) as pool:
            yield Bus(pool, currency=Currency.of(settings.write.currency), nudge=nudger)
    finally:
        nudger.stop()
        hints.close()
