"""`tandem` with fault points, which a seed in a folder strikes: `python -m tests.e2e.chaos.pointed FOLDER worker`.

Functions at the points are wrapped in their modules, before anybody takes them out of these by name.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from domain import stretches
from domain.bus import Bus
from domain.driver import Writes
from projections import checkpoints, progress, rebuild, rows, shadow
from projections.checkpoints import Checkpoint
from tasks import nudge, project
from tests.e2e.chaos import fault_points as at
from tests.e2e.chaos.fault_points import Ledger, Point

Reached = Callable[[Point], None]


def main() -> None:
    reached = Ledger(Path(sys.argv.pop(1))).reached
    _in_commands(reached)
    _in_nudges(reached)
    _in_projecting(reached)
    _in_switches(reached)
    from api import cli  # noqa: PLC0415 - as said

    cli.main()


def _in_commands(reached: Reached) -> None:
    carry_out = Bus._transaction

    async def transaction(self: Bus, *args: Any, **more: Any) -> Any:
        done = await carry_out(self, *args, **more)
        reached(at.NUDGED)
        return done

    Bus._transaction = transaction
    _before(nudge.Nudger, "__call__", at.COMMITTED, reached)


def _in_nudges(reached: Reached) -> None:
    make = nudge.sender

    def sender(*args: Any) -> nudge.Send:
        send = make(*args)

        def note_and_send(partitions: Iterable[int]) -> bool:
            reached(at.NOTING)
            return send(partitions)

        return note_and_send

    nudge.sender = sender
    _before(project, "enqueue", at.ENQUEUING, reached)


def _in_projecting(reached: Reached) -> None:
    _after(nudge, "take", at.TAKEN, reached)
    _after(checkpoints, "take", at.HELD, reached)
    _after(stretches, "read_from", at.READ, reached)
    _after(rows, "insert", at.WRITING, reached)
    _amid_the_rows(reached)
    _before(checkpoints, "move", at.MOVING, reached)
    _after(checkpoints, "move", at.MOVED, reached)
    _before(progress, "publish", at.PUBLISHING, reached)


def _amid_the_rows(reached: Reached) -> None:
    flush = Writes.flush

    def flushed(self: Writes) -> int:
        written = {write.table for write in self._waiting}
        changed = flush(self)
        if written and Checkpoint.__tablename__ not in written:
            reached(at.WRITING)
        return changed

    Writes.flush = flushed


def _in_switches(reached: Reached) -> None:
    _before(shadow, "rename", at.RENAMING, reached)
    _after(shadow, "rename", at.RENAMED, reached)
    swap = rebuild._swap

    def swapped(*args: Any, publish: Callable[[Any], None], **more: Any) -> None:
        def tell(progress: Any) -> None:
            reached(at.SWITCHED)
            publish(progress)

        swap(*args, publish=tell, **more)

    rebuild._swap = swapped


def _before(holder: Any, name: str, point: Point, reached: Reached) -> None:
    call = getattr(holder, name)

    def called(*args: Any, **more: Any) -> Any:
        reached(point)
        return call(*args, **more)

    setattr(holder, name, called)


def _after(holder: Any, name: str, point: Point, reached: Reached) -> None:
    """Reach a point behind a function, unless that was to find something and has found nothing."""
    call = getattr(holder, name)

    def called(*args: Any, **more: Any) -> Any:
        found = call(*args, **more)
        if found is None or found:
            reached(point)
        return found

    setattr(holder, name, called)


if __name__ == "__main__":
    main()
