"""registry.schema.json, from which editors complete and check registry.yaml: `make docs` writes it.

The shape comes from the registry's models. Names are offered as examples, not enforced: aliases and a user's own
plugins are valid too, and a new method, conv or architecture must not make the file wrong.
"""

import json
from pathlib import Path
from typing import Any

from cheapconv import catalog
from cheapconv.engine.read.registry import Registry

PATH = Path(__file__).parents[2] / "registry.schema.json"


def schema() -> dict[str, Any]:
    """The JSON schema of a registry file."""
    body = Registry.model_json_schema()
    _offer(body["$defs"]["Sweep"], {"suite": _spellings("suite"), "recipe": _recipes()})
    _offer(body["$defs"]["Entry"], {kind: _spellings(kind) for kind in ("architecture", "conv", "method")})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def write(path: Path = PATH) -> None:
    """Write the schema file."""
    path.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


def _offer(level: dict[str, Any], examples: dict[str, list[str]]) -> None:
    for field, texts in examples.items():
        level["properties"][field]["examples"] = texts


def _spellings(kind: str) -> list[str]:
    """Names of a kind, required parameters left to fill in, and the notations that have no number in them."""
    catalog.load()
    texts = []
    for name in catalog.names(kind):
        thing = catalog.entry(kind, name)
        required = ", ".join(f"{key}=" for key, value in thing.defaults.items() if value is ...)
        fixed = [form for form in thing.notation if "{" not in form]
        texts += [f"{name}({required})" if required and kind != "method" else name, *fixed]
    return texts


def _recipes() -> list[str]:
    return sorted({recipe for name in catalog.names("suite") for recipe in catalog.parse("suite", name).recipes})
