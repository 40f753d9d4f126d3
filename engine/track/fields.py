"""Names and values as MLflow takes them: flat, short, without characters that it refuses."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime

KEY_LENGTH, PARAM_LENGTH, TAG_LENGTH = 250, 6000, 5000  # MLflow's limits, characters


def flatten(prefix: str, values: Mapping[str, object]) -> dict[str, str]:
    """`{"schedule": {"kind": "cosine"}}` as the params `{"recipe.schedule.kind": "cosine"}`."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        inner = f"{prefix}.{name}"
        flat |= flatten(inner, value) if isinstance(value, Mapping) else {clean(inner): text(value, PARAM_LENGTH)}
    return flat


def by_network(prefix: str, scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """`{"student_0": {"top1": 0.9}}` as the metrics `{"top1/student_0": 0.9}`."""
    flat: dict[str, float] = {}
    for network, values in scores.items():
        flat |= {f"{prefix}{score}/{network}": value for score, value in values.items()}
    return flat


def tags(values: Mapping[str, object]) -> dict[str, str]:
    """Those that are known, as tags."""
    return {name: text(value, TAG_LENGTH) for name, value in values.items() if value not in (None, "")}


def clean(name: str) -> str:
    """A name with only the characters that MLflow takes on every platform."""
    return re.sub(r"[^\w.\- /]", "_", name)[:KEY_LENGTH]


def text(value: object, length: int) -> str:
    """A value as a text of at most so many characters."""
    whole = value if isinstance(value, str) else json.dumps(value)
    return whole if len(whole) <= length else whole[: length - 3] + "..."


def milliseconds(*times: str | None) -> int:
    """The first of the ISO 8601 times that is known, as milliseconds since 1970; 0 where none is."""
    known = [datetime.fromisoformat(time) for time in times if time]
    return int(known[0].timestamp() * 1000) if known else 0


def digest(*shown: object) -> str:
    """A hash of what is shown."""
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
