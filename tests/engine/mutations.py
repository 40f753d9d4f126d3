"""Registries made wrong at random, reproducibly: the tree of their values changed, or the bytes of their text."""

import copy
import io
from collections.abc import Callable
from random import Random
from typing import Any

from ruamel.yaml import YAML

from cheapconv.catalog.entries import registered

VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 64, 65, 2**31, 2**63, 2**64, 10**9, 10**20, 10**400, -(10**30)),
    *(0.0, -0.0, 0.5, 1.5, 1e-320, 1e16, 1e22, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
    *("", " ", "nan", ".nan", "inf", "1e999", "-1", "0x10", "1_000", "4", "true", "null", "~", "?", "??", "=", "<<"),
    *("a" * 101, "a" * 260, "a" * 5000, "(" * 50, "[" * 3000, "{}", "()", "größe", "\u202e", "../x", "/", "a b", "\n"),
    *(
        "2001-99-99",
        "2024-05-01",
        "!!int x",
        "*a",
        "&a",
        "{0}",
        "{message}",
        "%s",
        "a\\b",
        "'",
        '"',
        "ABS",
        "lambda: 0",
    ),
    *(
        "S",
        "G(4)",
        "G(N)",
        "G(0)",
        "G(-1)",
        "G(1.5)",
        "G(04)",
        "G(" + "9" * 400 + ")",
        "G(?)",
        "G(N/?)",
        "D",
        "DS",
        "sep",
    ),
    *("group(groups={[1]})", "group(groups={[]: 1})", "group(groups=[])", "group(groups=nan)", "group(groups=1e999)"),
    *("group(groups=2, groups=4)", "group(**{})", "group(*[])", "group(4)", "group(groups=...)", "group(groups=b'')"),
    *("group(groups=--1)", "group(groups=1j)", "group(groups=1+1j)", "group(groups='nan')", "group(groups=True)"),
    *("group()", "group()()", "group(groups=group)", "group(groups=" + "-" * 900 + "1)", "acdc(layers=1000000000)"),
    *('mixed("G(2)" * 1000000000)', "mixed(S, S)", 'mixed("mixed(S)")', "mixed(S * 9 * 9 * 9 * 9)", "mixed(blocks=[])"),
    *(
        "mixed(blocks={'S': 1})",
        "mixed(blocks=['G({1})'])",
        "mixed (bs200k)",
        "low_rank(share='nan')",
        "low_rank(share=1e-300)",
    ),
    *(
        "wrn(depth=10, width=1)",
        "wrn(depth=10, width=?)",
        "wrn(depth=?, width=1)",
        "wrn(depth=1000000006, width=1)",
        "WRN-10-1",
    ),
    *(
        "WRN-10-1000000",
        "WRN-" + "1" * 300 + "-1",
        "ResNet-20",
        "resnet(depth=8)",
        "vgg(depth=13)",
        "densenet(depth=10)",
    ),
    *(
        "thin(width=1e-9, of=WRN-10-1)",
        "thin(of='thin(of=WRN-10-1, width=.5)', width=.5)",
        "digits",
        "cifar10",
        "short",
    ),
    *("scratch", "kd", "at", "od", "dml", "slimming", "random_at", "blockswap_at", "mcod", "teacher", "student"),
    *(
        [],
        {},
        [[]],
        [{}],
        {"a": 1},
        [None],
        [1, 2],
        ["S", "S"],
        [[1, 2], [3]],
        {"kd": {}},
        {"kd": {"teacher": "teacher"}},
    ),
    *({"kd": {"teacher": ["teacher"]}}, {"kd": None}, {"kd": {"temperature": "nan"}}, {"od": {"students": 10**9}}),
    *(
        {"kd": {}, "at": {}},
        {"kd": {"teacher": "teacher", "temperature": [1, 2, float("inf")]}},
        {"dml": {"partners": [{}]}},
    ),
    *(
        {"dml": {"partners": [{"conv": "G({1})"}]}},
        {"dml": {"partners": ["S"] * 3}},
        {"params": "300k"},
        {"macs": "0M"},
    ),
    *(
        {"params": 10**400},
        {"params": 1, "macs": 1},
        {"macs": "9" * 400 + "G"},
        {"params": float("nan")},
        {"macs": "1e3"},
    ),
    *(list(range(3000)), [0.1] * 300, {str(i): i for i in range(300)}),
)
KEYS: tuple[object, ...] = (
    *(
        None,
        1,
        1.5,
        True,
        "",
        "a",
        "a" * 300,
        "a b",
        "../x",
        "<<",
        "=",
        "?",
        "2024",
        "teacher",
        "name",
        "seeds",
        "method",
    ),
    *(
        "budget",
        "plugins",
        "batch",
        "lr",
        "epochs",
        "validation",
        "precision",
        "weight_decay_scale",
        "max_cells",
        "größe",
    ),
)
TOKENS: tuple[bytes, ...] = (
    *(b"*a ", b"&a ", b"<<: *a", b"!!int ", b"!!bool ", b"!!float ", b"!!binary ", b"!!set ", b"!!timestamp ", b"!x "),
    *(
        b"- ",
        b"? ",
        b": ",
        b", ",
        b"[",
        b"]",
        b"{",
        b"}",
        b"#",
        b"'",
        b'"',
        b"|\n",
        b">\n",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
    ),
    *(b"\t", b"\r", b"\n", b"\x00", b"\x07", b"\x1b[31m", b"\x85", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b'"\\ud800"', b'"\\x00"', b'"\\U99999999"', b"\xe2\x80\xae", b".nan", b"1e999", b"0o9", b"1:30", b"~", b"null"),
    *(b"[" * 200, b"- " * 60, b"{a: " * 60, b"9" * 5000, b"2001-99-99", b"(", b")", b"?", b"*", b"-", b".", b"/"),
)


NUMBERS: tuple[object, ...] = (
    *(
        0,
        1,
        2,
        3,
        4,
        8,
        16,
        63,
        64,
        65,
        100,
        2000,
        4096,
        65536,
        10**9,
        10**400,
        -1,
        True,
        None,
        "nan",
        "4",
        "x",
        [],
        [2],
        {},
    ),
    *(1e-320, 1e-9, 0.1, 0.25, 0.5, 0.99, 1.0, 1.5, 4.0, 1e6, 1e22, 1e308, float("nan"), float("inf")),
)


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
    things = [thing for thing in registered(kind) if "weights" not in thing.defaults]  # no library is asked
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
