"""What all that run cells of one store have in common: in this process, in several of this machine, on a cluster."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field

import torch

from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.run.measuring import measure_missing
from cheapconv.engine.run.record import bury
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.watchers import Watcher, Watchers
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store


@dataclass
class Running:
    """What such a one is given, and what it does whoever trains."""

    store: Store
    _: KW_ONLY
    settings: Settings = field(default_factory=Settings)
    watchers: Sequence[Watcher] = ()
    should_stop: Callable[[], bool] = lambda: False
    measure: Callable[[Store, Cell, torch.device, Turn], None] = measure_missing

    def __post_init__(self) -> None:
        self._events = Watchers(self.watchers)

    def _stopping(self) -> bool:
        """Whether nothing more is to be done."""
        return self.should_stop() or (self.settings.fail_fast and "failed" in self._events.ends.values())

    def _measure_done(self, cells: Iterable[Cell], device: torch.device) -> None:
        """Time what has been trained, when nothing trains beside it any more."""
        turn = Turn(should_stop=self.should_stop)
        for cell in cells:
            if self._events.ends.get(cell.key) == "done":
                self.measure(self.store, cell, device, turn)

    def _fail(self, cell: Cell, error: str) -> None:
        """End a cell in the name of its processes, all of which have died."""
        bury(self.store, cell, error)
        self._events.ended(cell, "failed")
