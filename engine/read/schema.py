"""registry.schema.json, from which editors complete and check registry.yaml: `make docs` writes it.

The shape comes from the registry's models. Names are offered as examples, not enforced: aliases and a user's own
plugins are valid too, and a new method, conv or architecture must not make the file wrong.
"""

import itertools
import json
from pathlib import Path

from cheapconv import catalog
from cheapconv.engine.read.registry import Registry

PATH = Path(__file__).parents[2] / "registry.schema.json"


def schema() -> dict[str, object]:
    """The JSON schema of a registry file."""
    catalog.load()
    body = Registry.model_json_schema()
    sweep, entry = (body["$defs"][level]["properties"] for level in ("Sweep", "Entry"))
    whole = [name for name in catalog.names("suite") if catalog.entry("suite", name).is_whole]
    recipes = {*itertools.chain.from_iterable(catalog.parse("suite", name).recipes for name in whole)}
    sweep["recipe"]["examples"] = sorted(recipes)
    sweep["suite"]["examples"] = _spellings("suite")
    for kind in ("architecture", "conv", "method"):
        entry[kind]["examples"] = _spellings(kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def write(path: Path = PATH) -> None:
    """Write the schema file."""
    path.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


def _spellings(kind: str) -> list[str]:
    """Names of a kind, required parameters left to fill in, and the notations that have no number in them."""
    texts = []
    for name in catalog.names(kind):
        thing = catalog.entry(kind, name)
        required = ", ".join(f"{key}=" for key, value in thing.defaults.items() if value is ...)
        fixed = [form for form in thing.notation if "{" not in form]
        texts += [f"{name}({required})" if required and kind != "method" else name, *fixed]
    return texts
