"""The checkpoint of a running cell: everything that the next step depends on, in one atomic file."""

import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from cheapconv.engine.store.files import write_bytes
from cheapconv.engine.store.networks import packed
from cheapconv.engine.store.runs import CHECKPOINT
from cheapconv.methods.base import Method


@dataclass
class Position:
    """Where training stands and what it has seen so far."""

    epoch: int = 0
    step: int = 0  # finished steps of this epoch
    phase: int = -1
    threads: int = 0
    epoch_s: float = 0.0  # training seconds spent in this epoch so far
    sums: dict[str, float] = field(default_factory=dict)  # loss terms summed over this epoch's samples
    curve: list[dict[str, Any]] = field(default_factory=list)

    @property
    def train_s(self) -> float:
        """Training seconds of all finished epochs."""
        return sum(row["seconds"] for row in self.curve)


def save(folder: Path, position: Position, method: Method, optimiser: torch.optim.Optimizer) -> None:
    """Write the checkpoint."""
    device = method.clock.progress.device
    body = {
        "position": asdict(position),
        "structure": method.structure(),
        "method": method.state_dict(),
        "optimiser": optimiser.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    write_bytes(folder / CHECKPOINT, packed(body))


def read(folder: Path) -> dict[str, Any] | None:
    """The checkpoint's body; None where there is none, or one that something other than us has damaged."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # the archive's checksums, which torch does not look at
        return None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # bytes that are no archive raise a dozen kinds
        return None
