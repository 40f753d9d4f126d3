"""registry.schema.json is what the models say, and registry.yaml uses it."""

import json
from pathlib import Path
from typing import Any

import pytest

from cheapconv import catalog
from cheapconv.engine.read import schema

SCHEMA = json.loads(schema.PATH.read_text())
REGISTRY = schema.PATH.parent / "registry.yaml"


def without_examples(node: Any) -> Any:
    """The shape alone. Examples are names, and a new method, conv or architecture needs no new schema file."""
    if isinstance(node, dict):
        return {key: without_examples(value) for key, value in node.items() if key != "examples"}
    return [without_examples(item) for item in node] if isinstance(node, list) else node


def test_the_file_is_in_step_with_the_models() -> None:
    assert without_examples(SCHEMA) == without_examples(schema.schema()), "run make docs"


@pytest.mark.parametrize("kind", ["architecture", "conv", "method", "suite"])
def test_every_example_in_the_file_is_still_a_name(kind: str) -> None:
    catalog.load()
    level = SCHEMA["$defs"]["Sweep" if kind == "suite" else "Entry"]
    notations = {form for name in catalog.names(kind) for form in catalog.entry(kind, name).notation}
    examples = level["properties"][kind]["examples"]
    assert examples
    assert {text.split("(")[0] if text not in notations else text for text in examples} <= {
        *catalog.names(kind),
        *notations,
    }


def test_unknown_keys_are_marked_at_every_level() -> None:
    levels = [SCHEMA, SCHEMA["$defs"]["Sweep"], SCHEMA["$defs"]["Entry"]]
    assert [level["additionalProperties"] for level in levels] == [False] * 3


def test_a_grid_is_one_value_or_a_list_of_them() -> None:
    one, many = SCHEMA["$defs"]["Entry"]["properties"]["epochs"]["anyOf"]
    assert (many["type"], many["items"], many["minItems"]) == ("array", one, 1)


def test_write_writes_the_schema(tmp_path: Path) -> None:
    schema.write(tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text()) == schema.schema()


def test_the_registry_names_its_schema_in_the_first_line() -> None:
    assert REGISTRY.read_text().splitlines()[0] == f"# yaml-language-server: $schema={schema.PATH.name}"
