"""No dependency is older than the release that mended what was found in it, nor another than was looked at."""

from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.sources import ROOT

# What each release mended, or why we cannot do with less.
FLOORS = {
    "celery": "5.7.0",  # reconnects to a broker that restarted; bounded publishing
    "graphql-core": "3.3.1",  # CVE-2026-119286: leaks on every aborted validation
    "kombu": "5.7.0",  # health checks of Redis are no longer ignored
    "pyjwt": "2.15.1",  # CVE-2026-102268: keys taken for another algorithm's
    "python-multipart": "0.0.27",  # CVE-2026-42561
    "redis": "8.0",  # CVE-2023-28858: a cancelled command's answer went to another caller
    "starlette": "1.3.1",  # CVE-2026-48710: trusts a forged host; limits of forms
    "uvicorn": "0.54",  # what the deadlines of api/server.py build on
    "strawberry-graphql": "0.341.2",  # CVE-2026-107727 and those before it
}
NOT_NEEDED = {"python-multipart"}  # safest where it is not there


def too_old(floors: dict[str, str], installed: dict[str, str]) -> dict[str, str]:
    return {name: has for name, has in installed.items() if Version(has) < Version(floors[name])}


def installed() -> dict[str, str]:
    found = {}
    for name in FLOORS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def pinned() -> dict[str, str]:
    """Return the versions that the lock file installs."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    found = [Requirement(line.removesuffix("\\").strip()) for line in lines if line[:1].isalnum()]
    return {one.name: str(one.specifier).removeprefix("==") for one in found if one.name in FLOORS}


class TestTheLockFile:
    def test_installs_nothing_but_what_has_the_hash_that_was_looked_at(self) -> None:
        lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
        required = [at for at, line in enumerate(lines) if line[:1].isalnum()]
        assert required
        assert [lines[at] for at in required if "--hash=sha256:" not in lines[at + 1]] == []


class TestFloors:
    def test_are_met_by_what_is_installed(self) -> None:
        assert too_old(FLOORS, installed()) == {}

    def test_are_met_by_what_the_lock_file_installs(self) -> None:
        assert too_old(FLOORS, pinned()) == {}

    def test_are_there_for_what_is_used(self) -> None:
        assert set(FLOORS) - set(installed()) <= NOT_NEEDED
        assert set(FLOORS) - set(pinned()) <= NOT_NEEDED

    def test_would_show_one_that_is_too_old(self) -> None:
        assert too_old({"a": "1.10.0", "b": "2.0"}, {"a": "1.9.9", "b": "2.0"}) == {"a": "1.9.9"}
