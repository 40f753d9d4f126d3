"""The atlas on disk: how fast each conv is in some networks, by runtime and precision, and where its time goes.

    latency.csv     a row a network, conv, runtime and precision; of one that a runtime refused, why
    operators.csv   what the operators of each kind take of an image, where the runtime has a profile of its own

Tables of numbers, for whoever wants other pictures of them than ours.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.store.files import make_folder, write_all

LATENCY, OPERATORS = "latency.csv", "operators.csv"


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place of the atlas: a network with a conv, by a runtime in a precision."""

    architecture: str  # label
    side: int  # of its images
    conv: str  # label
    runtime: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class Latency(Spot):
    """Milliseconds of one image on one thread; no numbers where the runtime refused the network."""

    classes: int
    is_standard: bool
    runtime_label: str
    runtime_version: str
    params: int | None = None
    macs: int | None = None
    median_ms: float | None = None
    q10_ms: float | None = None
    q25_ms: float | None = None
    q75_ms: float | None = None
    runs: int = 0
    gflops: float | None = None  # of the machine around it, with gb_per_s
    gb_per_s: float | None = None
    doubt: str = ""
    refused: str = ""
    device_name: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Share(Spot):
    """Operators of a kind: what all of them take of an image."""

    kind: str
    ms: float
    count: int


@dataclass(frozen=True)
class Atlas:
    """Both tables."""

    latencies: tuple[Latency, ...] = ()
    shares: tuple[Share, ...] = ()

    def including(self, latencies: Sequence[Latency], shares: Sequence[Share]) -> "Atlas":
        """With these in the place of what it had of their spots."""
        new = {spot_of(row) for row in latencies}
        return Atlas(
            (*(row for row in self.latencies if spot_of(row) not in new), *latencies),
            (*(row for row in self.shares if spot_of(row) not in new), *shares),
        )


def spot_of(row: Spot) -> Spot:
    """Where a row belongs."""
    return Spot(**{field.name: getattr(row, field.name) for field in fields(Spot)})


def read(folder: Path) -> Atlas:
    """What is there; nothing where there is no atlas yet. A UserError for files of something else."""
    return Atlas(_read(folder / LATENCY, Latency), _read(folder / OPERATORS, Share))


def write(folder: Path, atlas: Atlas) -> None:
    """Both tables at once."""
    make_folder(folder)
    write_all({folder / LATENCY: _text(Latency, atlas.latencies), folder / OPERATORS: _text(Share, atlas.shares)})


Row = TypeVar("Row", bound=Spot)


def _read(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    if not path.is_file():
        return ()
    rows: TypeAdapter[tuple[Row, ...]] = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type]
    numbers = {field.name for field in fields(kind) if field.default is None}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            bodies = [
                {k: None if k in numbers and v == "" else v for k, v in row.items()} for row in csv.DictReader(file)
            ]
        return rows.validate_python(bodies)
    except (ValidationError, ValueError, OSError, csv.Error) as error:
        raise UserError(f"{path} is no table of an atlas ({reason(error)}): move it away.") from error


def _text(kind: type[Spot], rows: Iterable[Spot]) -> bytes:
    with io.StringIO(newline="") as text:
        writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _shown(v) for k, v in asdict(row).items()} for row in rows)
        return text.getvalue().encode()


def _shown(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value
