"""What trainings compute: multiply-adds, counted once for all cells that train alike and true on every machine.

compute/<digits>.json   of all cells that train alike
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cheapconv.engine.store.alike import digits
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.documents import Found, document, look
from cheapconv.engine.store.files import make_folder, write_json
from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import COMPUTE, Store

LARGEST = 2**63
COUNTED = ("batch", "validation")  # what of a recipe a number depends on


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Multiply-adds of a step: forward and backward of all that is trained, and the passes of its teacher."""

    macs: int
    images: int  # of the batch that was counted

    def over(self, curve: Sequence[CurveRow]) -> float:
        """Multiply-adds of a whole training, of that curve."""
        return self.macs / self.images * sum(row.images_per_s * row.seconds for row in curve)


def name_of(cell: Cell, teacher: Cell | None) -> str:
    """The name of the file of all cells that compute as much in a step."""
    return digits(cell, teacher, {name: cell.recipe.get(name) for name in COUNTED})


def read(store: Store, cell: Cell, teacher: Cell | None) -> Compute | None:
    """What was counted of cells like this one; a damaged file is as if it were not there."""
    return named(store, name_of(cell, teacher))


def named(store: Store, name: str) -> Compute | None:
    """The same by the name of its file."""
    return _look(store, name).value


def faults(store: Store) -> list[str]:
    """What is wrong with any of them, in words."""
    return [found.fault for name in names(store) if (found := _look(store, name)).fault]


def write(store: Store, name: str, compute: Compute) -> None:
    """Keep one."""
    store.root.mkdir(parents=True, exist_ok=True)
    make_folder(store.root / COMPUTE)
    write_json(store.root / COMPUTE / f"{name}.json", document(asdict(compute)))


def names(store: Store) -> list[str]:
    """All that are kept."""
    return sorted(path.stem for path in (store.root / COMPUTE).glob("*.json"))


def _look(store: Store, name: str) -> Found[Compute]:
    path = store.root / COMPUTE / f"{name}.json"
    return look(path, Compute, belongs=lambda compute: 0 <= compute.macs < LARGEST and compute.images > 0)
