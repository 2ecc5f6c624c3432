"""The project's own Python files, as text to be looked at."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "domain", "projections", "tasks")


def sources(*places: str) -> dict[str, str]:
    """Return the text of every Python file of these folders, by its path from the root."""
    found = [path for place in places for path in sorted((ROOT / place).rglob("*.py"))]
    ours = [path.relative_to(ROOT) for path in found if "node_modules" not in path.parts]
    assert ours
    return {path.as_posix(): (ROOT / path).read_text("utf-8") for path in ours}
