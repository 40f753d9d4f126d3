"""Reading the store's documents: the one place where whatever can be wrong with a file becomes a value, not an error.

A disk may give back anything: half a file, another type, a folder, a loop of links, a pipe, other encodings. `look`
raises nothing; it says what it found, and whether the file may be written anew without losing what may still be whole.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from pydantic import TypeAdapter

from cheapconv.catalog.printable import is_plain_json, printable_values
from cheapconv.engine.store.files import decoded, make_folder, parse_json, read_bytes, write_json
from cheapconv.engine.store.records import SCHEMA

T = TypeVar("T")
P = ParamSpec("P")
CHECKSUM = "sha256"  # of the rest of the document, in those that carry it
ABSENT = (errno.ENOENT, errno.ENOTDIR)
# A folder, a loop of links, a socket: nothing that could still be the document. Other errors of a disk may pass.
NO_DOCUMENT = (errno.EISDIR, errno.ELOOP, errno.ENXIO)
OTHER_SHAPE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)  # JSON of something else

_ADAPTERS: dict[object, TypeAdapter] = {}  # of each record, made once
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Found(Generic[T]):
    """A document as it was found."""

    value: T | None = None
    fault: str | None = None  # why there is no value, in words; None where the file is whole or absent
    ours: bool = True  # to write anew; False where another release, or the same one later, may read it


def look(
    path: Path,
    kind: type[T],
    upgrade: Callable[[Any], Any] = lambda body: body,
    belongs: Callable[[T], bool] = lambda value: True,
    lines: bool = False,
    noted: str | None = None,
) -> Found[T]:
    """The document, or the list of those that its lines are, as a `kind`, after an older form was upgraded.

    One whose checksum is another than it says, or than was `noted`, or that does not belong there, is damaged too.
    """
    try:
        data = read_bytes(path)
        if noted not in (None, hashlib.sha256(data).hexdigest()):
            return Found(fault=f"{path.name} is damaged")
        text = decoded(data)
        body = [parse_json(line, nan=True) for line in text.split("\n") if line] if lines else parse_json(text)
        if isinstance(body, dict):
            if (schema := body.get("schema", 0)) > SCHEMA:
                return Found(
                    fault=f"{path} was written by a newer release (schema {schema}): update this one", ours=False
                )
            if body.pop(CHECKSUM, None) not in (None, checksum(body)):
                return Found(fault=f"{path.name} is damaged")
        if kind not in _ADAPTERS:
            _ADAPTERS[kind] = TypeAdapter(kind)
        body = upgrade(body)
        if not is_plain_json(text):  # the store may be somebody else's
            body = printable_values(body)
        value = _ADAPTERS[kind].validate_python(body)
        return Found(value) if belongs(value) else Found(fault=f"{path.name} is another one's")
    except OSError as error:
        if error.errno in ABSENT and not path.is_symlink():
            return Found()
        if error.errno in (*ABSENT, *NO_DOCUMENT):
            return Found(fault=f"{path.name} is damaged")
        reason = error.strerror or type(error).__name__
        return Found(fault=f"{path} cannot be read ({reason}): see to its disk and permissions", ours=False)
    except OTHER_SHAPE:
        return Found(fault=f"{path.name} is damaged")


class Reader:
    """Reads the documents of a folder, and one that was whole again only if somebody has touched it since."""

    def __init__(self) -> None:
        self._whole: dict[str, tuple[object, Found[Any]]] = {}

    def __call__(
        self, read: Callable[Concatenate[Path, P], Found[T]], path: Path, *how: P.args, **named: P.kwargs
    ) -> Found[T]:
        """What `read` finds there, such as `look`, which is called in the same way each time but for `noted`."""
        name = os.fspath(path)
        try:
            status = os.stat(name)
        except OSError:
            return read(path, *how, **named)
        # The time of change is the file system's own: no writer can set it back.
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, named.get("noted"))
        if name not in self._whole or self._whole[name][0] != stamp:
            found = read(path, *how, **named)
            if found.value is None:
                return found
            self._whole[name] = stamp, found
        return self._whole[name][1]


def document(fields: Mapping[str, object]) -> dict[str, object]:
    """What is written of a record: the version of its schema, its fields, and the checksum of both."""
    # As a reader will have it: what is a tuple here is a list there, and a key that is a number is a text.
    body = parse_json(json.dumps({"schema": SCHEMA, **fields}, allow_nan=False))
    return body | {CHECKSUM: checksum(body)}


def checksum(body: Mapping[str, object]) -> str:
    """SHA-256 of a document in hexadecimal digits, however it is laid out in its file."""
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


class Documents(Generic[T]):
    """Those of one kind in a folder, each by its name, which any process may write anew and whole: measurements/,
    compute/ and probes/ of a store."""

    def __init__(
        self, path: Path, kind: type[T], belongs: Callable[[str, T], bool] = lambda name, document: True
    ) -> None:
        """`belongs`: whether a document may stand under a name."""
        self._path, self._kind, self._belongs = path, kind, belongs

    def names(self, prefix: str = "") -> list[str]:
        """All that begin so, sorted."""
        return [path.stem for path in sorted(self._path.glob(f"{escape(prefix)}*.json"))]

    def read(self, name: str) -> T | None:
        """The document of that name; a damaged one is as if it were not there."""
        return self._look(name).value

    def all(self, prefix: str = "") -> list[T]:
        """Every whole document whose name begins so, by name."""
        return [found for name in self.names(prefix) if (found := self.read(name)) is not None]

    def faults(self, names: Iterable[str]) -> list[str]:
        """What is wrong with those of these names, in words."""
        return [found.fault for name in names if (found := self._look(name)).fault]

    def write(self, name: str, value: T) -> None:
        """Keep one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        make_folder(self._path)
        write_json(self._path / f"{name}.json", document(asdict(cast(Any, value))))

    def _look(self, name: str) -> Found[T]:
        return look(self._path / f"{name}.json", self._kind, belongs=lambda found: self._belongs(name, found))
