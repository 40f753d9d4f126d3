"""What can become of a file on a disk: every kind of damage that we can think of, drawn by a seeded generator."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (None, [], {}, "", "\u202e", -1, 0, 1e308, 2**70, True, "nan", [[]], {"a": 1}, "../../etc")
# What a name may be in a store that is somebody else's.
NAMES: tuple[str, ...] = (
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "a/b",
        "a\\b",
        "\0",
        "a\nb",
        "\x1b[31mred",
        "\u202eabc",
        "\ud800",
        "*",
        "[a-z]",
    ),
    *("", " ", "CON", "-x", "=1+1", "@SUM(A1)", "<script>", "%s{0}", "\\input{x}", "é" * 200, "a" * 10_000, "'; --"),
)
DOCUMENTS = ("", " ", "[]", "{}", "null", "nan", "NaN", "-Infinity", "1e999", '"text"', "[" * 50_000, "9" * 5_000)
DOCUMENTS += (
    '{"schema": 99}',
    '{"schema": "2"}',
    '{"state": []}',
    '{"state": NaN}',
    '{"\\ud800": "\\ud800"}',
    "<html>",
)


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Another content in the place of what is there."""
    path.write_bytes(change(path.read_bytes()))


def cut(path: Path, random: Random) -> None:
    """Half a file, or none of it."""
    rewritten(path, lambda data: data[: random.randrange(len(data) or 1)])


def flipped(path: Path, random: Random) -> None:
    """One bit."""
    data = bytearray(path.read_bytes() or b"\0")
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def zeroed(path: Path, random: Random) -> None:
    """A block that was never written."""
    data = bytearray(path.read_bytes())
    start = random.randrange(len(data) or 1)
    data[start : start + 512] = bytes(len(data[start : start + 512]))
    path.write_bytes(data)


def longer(path: Path, random: Random) -> None:
    """Something behind the end."""
    rewritten(path, lambda data: data + random.choice([b"}", b"\n[]\n", random.randbytes(9), b"\0" * 99]))


def noise(path: Path, random: Random) -> None:
    """Bytes."""
    path.write_bytes(random.randbytes(random.choice([1, 100, 10_000])))


def another_document(path: Path, random: Random) -> None:
    """JSON of another type, or none."""
    path.write_text(random.choice(DOCUMENTS))


def another_encoding(path: Path, random: Random) -> None:
    """Written by an editor that means well."""
    codec = random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037"])
    rewritten(path, lambda data: data.decode("latin-1").encode(codec, errors="replace"))


def another_value(path: Path, random: Random) -> None:
    """A value of the document, wherever it stands, is another, or is missing."""
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.suffix == ".jsonl" else None
        body = json.loads(path.read_text()) if lines is None else lines
    except ValueError:  # no document: a checkpoint
        return noise(path, random)
    place: Any = body
    while isinstance(place, dict | list) and place:
        key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not (isinstance(place[key], dict | list) and place[key]) or random.random() < 0.2:
            if random.random() < 0.3:
                del place[key]
            else:
                place[key] = random.choice(ODD)
            break
        place = place[key]
    path.write_text("\n".join(map(json.dumps, lines)) if lines is not None else json.dumps(body))
    return None


def forge(path: Path, random: Random) -> str:
    """Replace some values, most often texts, and what would tell that it was done: checksums; what was done."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    bodies = [json.loads(line) for line in lines]
    for body in bodies:
        for _ in range(random.choice([1, 1, 2, 3])):
            places = list(_places(body))
            texts = [(parent, key) for parent, key in places if isinstance(parent[key], str)]
            if not places:
                break
            parent, key = random.choice(texts if texts and random.random() < 0.7 else places)
            value = random.choice(NAMES if random.random() < 0.7 else ODD)
            if isinstance(parent, dict) and random.random() < 0.15:
                parent[str(value)] = parent.pop(key)
            else:
                parent[key] = value
        if isinstance(body, dict):
            body.pop("sha256", None)
            body.pop("files", None)
    path.write_text("\n".join(map(json.dumps, bodies)))
    return f"{path.parent.name}/{path.name}"


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every collection with each of its keys or positions."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from _places(node[key])


def huge(path: Path, random: Random) -> None:
    """A hole of gigabytes."""
    os.truncate(path, 2**33)


def absent(path: Path, random: Random) -> None:
    """Nothing."""


def folder(path: Path, random: Random) -> None:
    """A folder of that name, with or without something in it."""
    path.mkdir()
    if random.random() < 0.5:
        (path / "mine").write_text("keep this")


def dangling(path: Path, random: Random) -> None:
    """A link to what is not there."""
    path.symlink_to("nowhere")


def loop(path: Path, random: Random) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def pipe(path: Path, random: Random) -> None:
    """Whoever opens it waits for ever."""
    os.mkfifo(path)


def forbidden(path: Path, random: Random) -> None:
    """A file of which nothing may be read."""
    path.chmod(0)


CONTENTS = (cut, flipped, zeroed, longer, noise, another_document, another_encoding, another_value, huge)
PLACES = (absent, folder, dangling, loop, pipe)
KINDS = (*CONTENTS, *PLACES, *(() if os.geteuid() == 0 else (forbidden,)))  # root may read whatever there is


def damage(path: Path, random: Random) -> str:
    """Damage a file of a store; what was done to it."""
    kind = random.choice(KINDS)
    if path.is_dir():
        kind = random.choice([absent, dangling, loop, pipe, another_document])
        shutil.rmtree(path)
    elif kind in PLACES:
        path.unlink()
    kind(path, random)
    return f"{path.name} {kind.__name__}"
