"""A backup of the write store is all that it takes: the guide's commands restore it, and workers build what is read."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

import api
from tests.support.client import Client
from tests.support.operator import Operator
from tests.support.running import Tandem, answers, eventually, tandem

GUIDE = (Path(api.__file__).parent / "running/README.md").read_text()
DUMP, RESTORE, USE, VERIFY = re.findall(r"^```sh\n(.*?)^```", GUIDE.partition("## Backup")[2], re.MULTILINE | re.DOTALL)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Tandem]:
    with tandem(tmp_path / "data") as found:
        yield found


def test_the_guides_commands_bring_back_all_that_was_there_at_the_dump(at: Tandem, tmp_path: Path) -> None:
    client = at.client
    user, product = client.registered("Ada"), client.added("Tea")
    before, after = rename(user, "Grace"), rename(user, "Hedy")
    order = client.ordered(user, product, quantity=2)
    assert client.give("renameUser", before)["replayed"] is False
    runs(at, DUMP, tmp_path)
    assert client.give("renameUser", after)["replayed"] is False
    late = client.ordered(user, product)

    for part in (*at.running.workers, *at.running.apis):
        part.kill_group()
    runs(at, RESTORE, tmp_path)
    at.running.environment |= {
        "TANDEM_WRITE_DATABASE_URL": restored(at.running.where.write_url),
        "TANDEM_READ_DATABASE_URL": restored(at.running.where.read_url),
    }
    assert runs(at, USE, tmp_path).startswith("write: up to date\nread: applied 0001")
    for part in (*at.running.workers, *at.running.apis):
        part.restart()
    eventually(lambda: answers(f"{at.running.apis[0].url}/readyz"), "the API answers")

    eventually(lambda: name_of(client, user) == "Grace", "workers build the read store anew")
    assert client.ask("query ($id: ID!) { order(id: $id) { total { amount } userName } }", id=order) == {
        "order": {"total": {"amount": "19.98"}, "userName": "Grace"}
    }
    assert client.ask("query ($id: ID!) { order(id: $id) { id } }", id=late) == {"order": None}
    assert client.give("renameUser", before)["replayed"] is True
    assert client.give("renameUser", after)["replayed"] is False
    eventually(lambda: name_of(client, user) == "Hedy", "all goes on")
    assert runs(at, VERIFY, tmp_path).count("no difference.\n") == 4
    assert Operator(environment=at.running.environment).does("doctor").count("WRONG") == 0


def rename(user: str, name: str) -> dict[str, str]:
    return {"userId": user, "name": name, "idempotencyKey": uuid4().hex}


def name_of(client: Client, user: str) -> str | None:
    found = client.ask("query ($id: ID!) { user(id: $id) { name } }", id=user)["user"]
    return None if found is None else str(found["name"])


def runs(at: Tandem, commands: str, folder: Path) -> str:
    """Run commands as they stand in the guide; return what they said."""
    environment = at.running.environment | {
        "PATH": f"{at.running.where.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SERVER_URL": at.running.where.write_url,
        "RESTORED_WRITE_URL": restored(at.running.where.write_url),
        "RESTORED_READ_URL": restored(at.running.where.read_url),
    }
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def restored(url: str) -> str:
    place = make_url(url)
    return place.set(database=f"{place.database}_restored").render_as_string(hide_password=False)
