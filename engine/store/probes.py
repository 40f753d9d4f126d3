"""Probes: what a few steps of a training took on a machine, kept so that a sweep is estimated at once the next time.

probes/<digits>-<machine>-t<threads>.json   of all cells that train alike: network, method, teacher, batch, precision
"""

from dataclasses import dataclass

from cheapconv.engine.store.alike import digits
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.documents import Documents
from cheapconv.engine.store.files import slug
from cheapconv.engine.store.runs import PROBES, Store

# Numbers of a recipe that a step takes no time for.
FREE = ("name", "epochs", "lr", "lr_of", "weight_decay", "schedule", "momentum", "nesterov", "evaluate_every")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Seconds of a training, as it would be alone on the machine."""

    device_name: str
    threads: int
    date: str
    steps: int  # of an epoch; 0 for what is not trained
    batch_s: float  # making the batch of a step
    teacher_s: float  # its teacher's passes in a step
    own_s: float  # the rest of a step
    begin_s: float = 0.0  # what the method does before the first step
    making_s: float = 0.0  # making all batches that it is scored on
    scoring_s: float = 0.0  # answering them
    views: int = 1  # of an image in a batch
    joules: float | None = None  # of a step, of the whole device; None where nothing tells
    unseen: bool = False  # whether the method also does what no step shows: at the end, or in later phases
    taken: int  # steps that were timed
    made_up: str = ""  # why the batches were not those of the suite

    @property
    def step_s(self) -> float:
        """A whole step."""
        return self.batch_s + self.teacher_s + self.own_s


def name_of(cell: Cell, teacher: Cell | None, device_name: str, threads: int) -> str:
    """The name of the probe of a cell on a machine; equal for cells that train alike."""
    recipe = {name: value for name, value in cell.recipe.items() if name not in FREE}
    return f"{digits(cell, teacher, recipe)}-{slug(device_name)}-t{threads}"


def of(store: Store) -> Documents[Probe]:
    """All that are kept, by `name_of`."""
    return Documents(store.root / PROBES, Probe)
