"""The stored shape of every fact, at every version that was ever written: today's out of the code, all of them kept.

`python -m tests.support.shapes` adds today's to the kept ones where they are missing. What is kept never changes:
events of that shape are in somebody's log.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from domain.events import FACTS
from domain.upcasters import current_version
from tests.support.sources import ROOT

KEPT = ROOT / "domain" / "shapes.json"
Shapes = Mapping[str, dict[str, Any]]
"""JSON schemas by `Type/version`."""


class _Stored(GenerateJsonSchema):
    """As the log holds it, and without what another pydantic, docstring or order of fields would spell otherwise."""

    def decimal_schema(self, _: Any) -> JsonSchemaValue:
        return {"type": "string", "format": "decimal"}

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        found = {name: value for name, value in super().dataclass_schema(schema).items() if name != "description"}
        return found | {"required": sorted(found.get("required", []))}

    def field_title_should_be_set(self, _: Any) -> bool:
        return False


def name(type_: str, version: int) -> str:
    return f"{type_}/{version}"


def shape(kind: type) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(mode="serialization", schema_generator=_Stored)


def current(facts: Mapping[str, type] = FACTS) -> dict[str, dict[str, Any]]:
    return {name(type_, current_version(type_)): shape(kind) for type_, kind in facts.items()}


def kept(file: Path = KEPT) -> dict[str, dict[str, Any]]:
    return json.loads(file.read_text("utf-8"))


def add_missing(file: Path = KEPT, facts: Mapping[str, type] = FACTS) -> list[str]:
    """Keep today's shapes too that are not kept yet; return their names."""
    before = kept(file) if file.exists() else {}
    added = {key: one for key, one in current(facts).items() if key not in before}
    if added:
        file.write_text(json.dumps(before | added, indent=2, sort_keys=True) + "\n", "utf-8")
    return sorted(added)


if __name__ == "__main__":
    for each in add_missing():
        print(f"{each} is kept from now on")  # noqa: T201 - a command
