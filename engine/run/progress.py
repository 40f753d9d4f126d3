"""What a user sees while a sweep runs: a live display on a terminal, anywhere else one plain line an epoch, and one a
minute where epochs are longer."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import fmean
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cheapconv.engine.store.cell import Cell
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.verdict import EXPLODED

REFRESH_PER_S = 4
QUIET_S = 60.0  # without a line for so long, plain output says where it is
SHOWN = 8  # of the cells that are trained side by side


def _loss(value: float) -> str:
    """`0.123`, `2.8e+10`."""
    return f"{value:.3f}" if abs(value) < EXPLODED else f"{value:.1e}"


class Progress:
    """A watcher (`engine.run.watchers.Watcher`) that shows cells done, running and failed, and the time left."""

    def __init__(self, cells: list[Cell], console: Console, why: Callable[[Cell], str] = lambda cell: "") -> None:
        """`why` says what is recorded of a cell that failed."""
        self._epochs_left: dict[str, float] = {cell.key: cell.epochs for cell in cells}
        self._ends: dict[str, str] = {}  # of each cell, as it was last said: one that waited may be run later
        self._total, self._why = len(cells), why
        self._console = console
        self._live = Live(console=console, refresh_per_second=REFRESH_PER_S) if console.is_terminal else None
        self._running: dict[str, tuple[Cell, str]] = {}  # with where each is
        self._begun = time.monotonic()
        self._shown = self._told = self._now = self._begun
        self._kinds = {cell.key: cell.title.rpartition(" seed ")[0] for cell in cells}
        self._epochs_trained: dict[str, float] = {}  # by this run, of each cell, parts of them included
        self._spent = defaultdict[str, list[float]](list)  # by kind: seconds of each epoch that has ended
        self._last = ""
        self._where = ""

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.update("")
            self._live.stop()

    def placed(self, text: str) -> None:
        """Where a run on many machines has its cells, if that is news."""
        if text != self._where and not self._live:
            self._print(text)
        self._where = text

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""
        self._running[cell.key] = cell, "begins"

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Refresh the live display a few times a second, or say a line where none was said for long."""
        where = f"epoch {position.epoch + 1}/{cell.epochs}, step {position.step}/{steps}"
        self._running[cell.key] = cell, where
        self._reached(cell, position.epoch + position.step / steps, 1 / steps)
        if self._live and self._now - self._shown > 1 / REFRESH_PER_S:
            self._shown = self._now
            self._live.update(self._picture())
        if not self._live and self._now - self._told > QUIET_S:
            beside = f" (and {len(self._running) - 1} beside it)" if len(self._running) > 1 else ""
            self._print(f"{self._count(cell)} {cell.title}{beside} {where}, left {self._left()}")

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """One line for the epoch, or the live display's next state."""
        self._reached(cell, position.epoch, 1)
        row = position.curve[-1]
        self._spent[self._kinds[cell.key]].append(row.spent)
        terms = ", ".join(f"{name} {_loss(value)}" for name, value in row.terms.items())
        # The first of a network's scores is the headline.
        shown = {name: f"{100 * next(iter(own.values())):.2f} %" for name, own in row.scores.items()}
        flaws = {name: f" ({flaw})" for name, flaw in row.flaws.items()}
        scores = [f"{name} {score}{flaws.get(name, '')}" for name, score in shown.items()]
        told = ", ".join([f"loss {_loss(row.loss)} ({terms})", *scores, f"{row.images_per_s:.0f} images/s"])
        self._last = f"{cell.title} epoch {position.epoch}/{cell.epochs}: {told}"
        if not self._live:
            self._print(f"{self._count(cell)} {self._last}, left {self._left()}")
        if row.loss > EXPLODED and all(before.loss <= EXPLODED for before in position.curve[:-1]):
            self._print(f"{cell.title}: the loss has exploded ({row.loss:.1e}): a lower learning rate may train it")

    def ended(self, cell: Cell, state: str) -> None:
        """Count the cell; failures and cells that wait are said at once."""
        self._running.pop(cell.key, None)
        self._epochs_left[cell.key] = 0
        self._ends[cell.key] = state
        if state not in ("done", "stopped"):
            why = self._why(cell) if state == "failed" else ""
            self._print(f"{cell.title}: {state}{f', {why}' if why else ''}")

    def _reached(self, cell: Cell, epochs: float, latest: float) -> None:
        """So many epochs of the cell are trained, the `latest` of them just now, the others perhaps in another run."""
        self._now = time.monotonic()
        left = cell.epochs - epochs
        known, before = cell.key in self._epochs_trained, self._epochs_left[cell.key]
        gained = max(before - left, 0.0) if known else latest  # one that begins again has gained nothing
        self._epochs_trained[cell.key] = self._epochs_trained.get(cell.key, 0.0) + gained
        self._epochs_left[cell.key] = left

    def _work(self, epochs: Mapping[str, float]) -> float:
        """So many epochs of cells, each weighed by what those of its kind have taken on average, or else all."""
        mean = fmean([seconds for of_kind in self._spent.values() for seconds in of_kind] or [1.0]) or 1.0
        weight = {kind: fmean(of_kind) or mean for kind, of_kind in self._spent.items()}
        return sum(count * weight.get(self._kinds[key], mean) for key, count in epochs.items())

    def _count(self, cell: Cell) -> str:
        """`[3/26]`: the cell is the third, of those that ended and itself."""
        return f"[{len(self._ends.keys() - {cell.key}) + 1}/{self._total}]"

    def _left(self) -> str:
        """Time left, from what was trained so far."""
        if (trained := self._work(self._epochs_trained)) <= 0:
            return "unknown"
        seconds = round((self._now - self._begun) * self._work(self._epochs_left) / trained)
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def _rate(self) -> str:
        """Epochs an hour, of all cells together."""
        trained, seconds = sum(self._epochs_trained.values()), self._now - self._begun
        return f"{3600 * trained / seconds:.0f} epochs an hour" if trained > 0 and seconds > 0 else "rate unknown"

    def _picture(self) -> Table:
        table = Table.grid(padding=(0, 2))
        done, failed = (sum(end == word for end in self._ends.values()) for word in ("done", "failed"))
        table.add_row("cells", f"{done}/{self._total} done, {failed} failed, left {self._left()}")
        if self._where:
            table.add_row("nodes", Text(f"{self._where}, {self._rate()}"))
        for number, (cell, where) in enumerate([*self._running.values()][:SHOWN]):
            # A name may have brackets, which are no markup.
            table.add_row("" if number else "running", Text(f"{cell.title}: {where}"))
        if (more := len(self._running) - SHOWN) > 0:
            table.add_row("", f"and {more} more")
        table.add_row("last epoch", Text(self._last or "-"))
        return table

    def _print(self, line: str) -> None:
        self._told = self._now
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)
