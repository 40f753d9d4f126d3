"""Which cells train alike: those that differ only in what a step does not depend on, such as their seeds."""

import hashlib
import json
from collections.abc import Mapping

from cheapconv.engine.store.cell import Cell


def digits(cell: Cell, teacher: Cell | None, given: Mapping[str, object]) -> str:
    """Sixteen digits, equal for cells of the same network, method, images and teacher's network, of which the same is
    given."""
    method = [cell.method, cell.method_version, cell.method_settings]
    body = [cell.suite, cell.protocol, cell.data, given, _network(cell), method, teacher and _network(teacher)]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _network(cell: Cell) -> tuple[object, ...]:
    versions: Mapping[str, int] = cell.versions
    weights: Mapping[str, str] = cell.weights
    texts = cell.architecture, cell.architecture_version, cell.conv, cell.conv_version
    return (*texts, sorted(versions.items()), sorted(weights.values()))
