"""Which cells train alike: those that differ only in what a step does not depend on, such as their seeds."""

import hashlib
import json
from collections.abc import Mapping

from cheapconv.engine.store.cell import Cell


def digits(cell: Cell, teacher: Cell | None, recipe: Mapping[str, object]) -> str:
    """Sixteen digits, equal for cells of the same network, method, teacher and images, and of a recipe that agrees in
    what is given of it."""
    method = [cell.method, cell.method_version, cell.method_settings]
    body = [cell.suite, cell.protocol, cell.data, recipe, _network(cell), method, teacher and _network(teacher)]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _network(cell: Cell) -> tuple[object, ...]:
    versions: Mapping[str, int] = cell.versions
    weights: Mapping[str, str] = cell.weights
    texts = cell.architecture, cell.architecture_version, cell.conv, cell.conv_version
    return (*texts, sorted(versions.items()), sorted(weights.values()))
