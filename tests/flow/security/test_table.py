"""Every check of the list has its test: here by its number, or where the table says."""

import re
from pathlib import Path

from tests.support.sources import ROOT

HERE = Path(__file__).parent
IDENTITY, MATRIX = "tests/flow/security/test_identity.py", "tests/flow/security/test_matrix.py"
CHECKS = {f"s{number:02}" for number in range(1, 69)}
BY_OTHERS = {
    "s33": MATRIX,  # another's id is answered as one that is not there
    "s34": MATRIX,  # so it is in edges and nodes
    "s35": MATRIX,  # an id holds no type that could be forged; tests/flow/test_node.py
    "s36": MATRIX,  # and tests/unit/api/test_pagination.py: a cursor is bound to list, filter and sort
    "s40": IDENTITY,
    "s41": IDENTITY,
    "s42": IDENTITY,
    "s43": IDENTITY,
    "s46": IDENTITY,
    "s47": IDENTITY,
    "s53": "tests/e2e/test_canary.py",
    "s65": "tests/flow/security/test_doors.py",
    "s67": "tests/flow/security/test_doors.py",
    "s52": "tests/flow/test_live.py",  # TestASlowReader; and its end with the server, TestTheEnd of test_websocket.py
    "s66": "tests/architecture/test_dependencies.py",
}


def numbers() -> set[str]:
    """Return the numbers in the names of the tests of this folder."""
    names = [
        name
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    return {number for name in names for number in re.findall(r"_(s\d\d)(?=_)", name)}


def test_every_check_is_accounted_for() -> None:
    assert numbers() | BY_OTHERS.keys() == CHECKS


def test_the_files_of_the_table_are_there() -> None:
    assert [path for path in BY_OTHERS.values() if not (ROOT / path).is_file()] == []
