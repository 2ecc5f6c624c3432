"""A changed projection, with a column that is new, is brought to a running Tandem as the README says."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import projections
from tests.support.operator import Operator
from tests.support.running import Tandem, answers, eventually, tandem

NAME = "user_orders_view"
CODE = Path(projections.__file__).parents[1]
CHANGES = {
    "    item_names: str = Field(sa_type=Text)\n": (
        "    item_names: str = Field(sa_type=Text)\n    pieces: int | None\n"
    ),
    '"item_names": ", ".join([item["name"] for item in items])': (
        '"item_names": " and ".join([item["name"] for item in items]), '
        '"pieces": sum(item["quantity"] for item in items)'
    ),
    "PROJECTION = Projection(\n": "PROJECTION = Projection(\n    version=2,\n",
}
Rows = dict[str, tuple[str, int | None]]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Tandem]:
    with tandem(tmp_path / "data") as found:
        yield found


@pytest.fixture
def operator(at: Tandem) -> Iterator[Operator]:
    found = Operator(environment=at.running.environment)
    yield found
    found.end()


def test_a_changed_fold_and_a_new_column_come_to_all_rows_without_a_stop(
    at: Tandem, operator: Operator, tmp_path: Path
) -> None:
    client = at.client
    user, products = client.registered(), [client.added("Tea"), client.added("Milk")]
    before = client.ordered(user, *products, quantity=3)

    code = changed(tmp_path / "code")
    at.running.environment |= {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
    drafted = Path(operator.does("draft-migration", "read", "How many pieces").strip())
    assert drafted.is_relative_to(code)
    assert operator.does("migrate") == f"write: up to date\nread: applied {drafted.name.split('_')[0]}\n"
    meanwhile = client.ordered(user, *products, quantity=2)  # by workers and an API of before
    anew(at)
    after = client.ordered(user, *products, quantity=1)
    eventually(at.level, "projections are level")
    old: Rows = {before: ("Tea, Milk", None), meanwhile: ("Tea, Milk", None), after: ("Tea and Milk", 2)}
    assert rows(at) == old
    assert "1 (the code's is 2: tandem projections rebuild user_orders_view)" in operator.does("projections", "status")

    said = operator.does("projections", "rebuild", NAME)
    assert "of 3 rows in both, columns differ: 2." in said
    assert {"2 x item_names", "2 x pieces"} <= {line.strip() for line in said.splitlines()}
    assert rows(at) == old
    operator.does("projections", "switch", NAME)
    new: Rows = {before: ("Tea and Milk", 6), meanwhile: ("Tea and Milk", 4), after: ("Tea and Milk", 2)}
    assert rows(at) == new
    assert shown(at, before) == "Tea and Milk"
    assert operator.does("projections", "verify", NAME) == f"{NAME}: 3 rows compared; no difference.\n"

    operator.does("projections", "rollback", NAME)
    assert rows(at) == old
    assert shown(at, before) == "Tea, Milk"
    operator.does("projections", "switch", NAME)
    assert rows(at) == new
    assert operator.does("projections", "discard", NAME) == f"Dropped: {NAME}__old.\n"
    assert "the code's is" not in operator.does("projections", "status")


def changed(code: Path) -> Path:
    """Return a copy of the code whose view has a column more, and writes another one in another way."""
    for package in ("api", "domain", "projections", "tasks"):
        shutil.copytree(CODE / package, code / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    view = code / "projections/views/user_orders_view.py"
    text = view.read_text()
    for was, becomes in CHANGES.items():
        assert text.count(was) == 1, was
        text = text.replace(was, becomes)
    view.write_text(text)
    return code


def anew(at: Tandem) -> None:
    """Start workers and API anew, as a deployment does."""
    for part in (*at.running.workers, *at.running.apis):
        part.kill_group()
        part.restart()
    for api in at.running.apis:
        eventually(lambda: answers(f"{api.url}/readyz"), f"{api.name} answers")  # noqa: B023


def rows(at: Tandem) -> Rows:
    with psycopg.connect(at.running.where.read_url) as connection:
        found: Any = connection.execute("select order_id, item_names, pieces from user_orders_view")
        return {str(order): (names, pieces) for order, names, pieces in found}


def shown(at: Tandem, order: str) -> str:
    names: str = at.client.ask("query ($id: ID!) { order(id: $id) { itemNames } }", id=order)["order"]["itemNames"]
    return names
