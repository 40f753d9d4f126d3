"""Registries made wrong at random, reproducibly: the tree of their values changed, or the bytes of their text."""

import copy
import io
from collections.abc import Callable
from random import Random
from typing import Any

from ruamel.yaml import YAML

from cheapconv.catalog.entries import registered
from tests.engine.odd import KEYS, NUMBERS, TOKENS, VALUES

LIBRARIES = ("timm", "torchvision")  # which are not asked for the networks that they have


def mutated(text: str, random: Random) -> bytes:
    """A registry's text with one to three things wrong."""
    changed = text.encode()
    if random.random() < 0.8:
        tree = YAML(typ="safe", pure=True).load(text)
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            tree = _regrown(tree, random)
        changed = _written(tree)
    if random.random() < 0.1 or changed == text.encode():
        for _ in range(random.choice([1, 1, 2, 3])):
            changed = _scratched(changed, random)
    return changed


def _written(tree: object) -> bytes:
    stream = io.BytesIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.width = 10**6
    yaml.dump(tree, stream)
    return stream.getvalue()


def _places(node: object, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every collection with each of its keys or positions."""
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node)) if isinstance(node, dict | list) else []
    for key, value in pairs:
        found.append((node, key))
        _places(value, found)
    return found


def _spelled(kind: str, random: Random) -> object:
    """A registered thing with some of its parameters given: a text, or for a method what a registry has."""
    things = [thing for thing in registered(kind) if thing.name not in LIBRARIES]
    thing = random.choice(things)
    names = [name for name, value in thing.defaults.items() if value is ... or random.random() < 0.3]
    given = {name: random.choice(NUMBERS) for name in names}
    if kind == "method":
        return {thing.name: {**given, **({"teacher": "teacher"} if thing.cls.needs_teacher else {})}}
    return f"{thing.name}({', '.join(f'{name}={value}' for name, value in given.items())})"


def _right(key: object, random: Random) -> object:
    """What may well stand under a key."""
    if key in ("architecture", "conv", "method"):
        return _spelled(str(key), random)
    if key in ("seeds", "epochs", "batch", "lr", "weight_decay", "validation", "max_cells"):
        return random.choice(NUMBERS)
    return random.choice(VALUES)


def _regrown(tree: object, random: Random) -> object:
    """The tree with one place changed."""
    tree = copy.deepcopy(tree)
    places = _places(tree, [])
    if not places:
        return random.choice(VALUES)
    leaves = [(parent, key) for parent, key in places if not isinstance(parent[key], dict | list)]
    parent, key = random.choice(leaves if leaves and random.random() < 0.6 else places)
    value = parent[key]
    change: Callable[[], object] = random.choice(
        [
            lambda: random.choice(VALUES),
            *([lambda: _right(key, random)] * 5),
            lambda: [_right(key, random), _right(key, random)],
            lambda: [value, copy.deepcopy(random.choice(VALUES))],
            lambda: [value] * random.choice([1, 2, 50]),
            lambda: {random.choice(KEYS): value},
            lambda: (lambda place: copy.deepcopy(place[0][place[1]]))(random.choice(places)),
            lambda: {**value, random.choice(KEYS): random.choice(VALUES)} if isinstance(value, dict) else [value],
            lambda: value[: len(value) // 2] if isinstance(value, str | list) else None,
            lambda: value + value if isinstance(value, str | list) else value,
        ]
    )
    if random.random() < 0.1:
        del parent[key]
    elif random.random() < 0.1 and isinstance(parent, dict):
        parent[random.choice(KEYS)] = parent.pop(key)
    else:
        parent[key] = change()
    return tree


def _scratched(text: bytes, random: Random) -> bytes:
    """The text with one span of its bytes changed."""
    start = random.randrange(len(text) + 1)
    end = min(len(text), start + random.choice([0, 1, 2, 8, 40]))
    lines = text.splitlines(keepends=True)
    if lines and random.random() < 0.2:
        a, b = random.randrange(len(lines)), random.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a] if random.random() < 0.5 else lines[b]
        return b"".join(lines)
    middle = random.choice(
        [random.choice(TOKENS), random.choice(TOKENS), b"", bytes([random.randrange(256)]), text[start:end] * 2]
    )
    return text[:start] + middle + text[end:]
