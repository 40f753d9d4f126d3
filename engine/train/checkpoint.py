"""The checkpoint of a running cell: everything that the next step depends on, in one atomic file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, Self, TypedDict, cast

from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from cheapconv.engine.store.archive import DamagedError, packed, unpacked
from cheapconv.engine.store.files import write_bytes
from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import CHECKPOINT

VERSION = 2  # of the file's form; a training whose checkpoint has another one starts anew


@dataclass
class Position:
    """Where training stands and what it has seen so far."""

    epoch: int = 0
    step: int = 0  # finished steps of this epoch
    phase: int = -1  # before the first
    threads: int = 1
    epoch_steps_s: float = 0.0  # seconds of this epoch so far, of its steps
    epoch_method_s: float = 0.0  # and of the method's `begin`, `end_epoch` and `finish`
    epoch_spent_s: float = 0.0  # and what of both was spent, where a part was made for several
    sums: dict[str, float] = field(default_factory=dict)  # loss terms summed over this epoch's samples
    curve: list[CurveRow] = field(default_factory=list)

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """The position that `asdict` took apart."""
        return cls(**{**saved, "curve": [CurveRow(**row) for row in saved["curve"]]})

    def next_epoch(self) -> None:
        """To the beginning of the next epoch, whose bill and sums are empty."""
        self.epoch, self.step, self.sums = self.epoch + 1, 0, {}
        self.epoch_steps_s = self.epoch_method_s = self.epoch_spent_s = 0.0

    @property
    def steps_s(self) -> float:
        """Seconds of the steps of all finished epochs."""
        return sum(row.seconds for row in self.curve)

    @property
    def method_s(self) -> float:
        """Seconds of what the method does beside its steps, in all finished epochs."""
        return sum(row.method_s for row in self.curve)

    @property
    def train_s(self) -> float:
        """Training seconds of all finished epochs: the bill."""
        return self.steps_s + self.method_s

    @property
    def spent_s(self) -> float:
        """What of these was spent."""
        return sum(row.spent for row in self.curve)


_position = TypeAdapter(Position)


class State(TypedDict):
    """What `Training.state_dict` gives: plain values and tensors."""

    version: int
    position: dict[str, Any]  # of `Position`, taken apart
    structure: Mapping[str, Any] | None  # before the weights, which have its shapes
    method: dict[str, Tensor]
    optimiser: dict[str, Any]
    clock: dict[str, Tensor]
    randomness: dict[str, Tensor | None]
    mistakes: NotRequired[dict[str, Tensor]]


def save(folder: Path, state: State) -> None:
    """Write the checkpoint, and whose it is."""
    write_bytes(folder / CHECKPOINT, packed({**state, "cell": folder.name}))


def read(folder: Path) -> State | None:
    """The checkpoint; None where there is none, another cell's, an older form of it, or a damaged one."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        body = {**unpacked(path)}
        _position.validate_python(body.get("position"))
    except (DamagedError, ValidationError):
        return None
    # A form of before could miss what a step depends on: better the same bits from the beginning.
    whole = body.get("version") == VERSION and body.keys() >= State.__required_keys__
    return cast(State, body) if whole and body.pop("cell", folder.name) == folder.name else None
