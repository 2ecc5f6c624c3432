"""Transactions that nobody ends: the store does, and whoever waited goes on."""

import os
import signal
from time import sleep

import psycopg

from tests.e2e.chaos.faults import Fault, Ground
from tests.support.running import eventually

_OPEN = """
    select count(*) from pg_stat_activity
    where application_name = 'tandem-commands' and state like 'idle in transaction%'
      and state_change < clock_timestamp() - interval '0.2 s'
"""
_BUSIEST = "select partition from events group by 1 order by count(*) desc limit 1"


def api_frozen(ground: Ground) -> int:
    """An API process stops amid a command, with its locks, until the store has taken them back."""
    api = ground.chance.choice(ground.running.apis)
    eventually(lambda: _frozen_amid_a_command(ground, api.process.pid), f"{api.name} is frozen amid a command", pause=0)
    eventually(lambda: _open(ground) == 0, "the store ends its transactions")
    os.kill(api.process.pid, signal.SIGCONT)
    return 0


def head_forgotten(ground: Ground) -> int:
    """Somebody locks a head of the log and goes to lunch; it takes a minute until the store ends the session."""
    with psycopg.connect(ground.running.where.write_url) as session:
        session.execute(f"select from log_heads where partition = ({_BUSIEST}) for update".encode())
        held = session.info.backend_pid
        eventually(lambda: not _lives(ground, held), "the store ends the session", seconds=90)
        session.close()
    return 0


def _frozen_amid_a_command(ground: Ground, pid: int) -> bool:
    os.kill(pid, signal.SIGSTOP)
    sleep(0.25)
    if _open(ground):
        return True
    os.kill(pid, signal.SIGCONT)
    sleep(ground.chance.uniform(0.01, 0.1))
    return False


def _open(ground: Ground) -> int:
    with psycopg.connect(ground.running.where.write_url) as connection:
        [count] = connection.execute(_OPEN.encode()).fetchone() or (0,)
        return int(count)


def _lives(ground: Ground, pid: int) -> bool:
    with psycopg.connect(ground.running.where.write_url) as connection:
        return connection.execute("select from pg_stat_activity where pid = %s", (pid,)).fetchone() is not None


API_FROZEN = Fault(name="an API process frozen amid a command", strike=api_frozen)
HEAD_FORGOTTEN = Fault(name="a head locked for 60 s by a forgotten session", strike=head_forgotten)
