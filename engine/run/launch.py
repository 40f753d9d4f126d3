"""Running cells on one device in this process: those that see the same batches side by side, teachers first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cheapconv import catalog
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.run.attempt import Attempt
from cheapconv.engine.run.room import Room
from cheapconv.engine.run.rounds import Kinship, in_rounds, kinship
from cheapconv.engine.run.running import Running
from cheapconv.engine.run.team import Team, started
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.records import Word
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.cohort import Cohort, Member
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.graph import recorder_on
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.teachers import Teachers
from cheapconv.suites.base import Data
from cheapconv.suites.place import Place


@dataclass
class Launcher(Running):
    """Runs cells in this process."""

    place: Place
    # The processes that were started beside this one, which train every cell with it; or of a cell of several GPUs.
    team: Team | None = field(default=None, kw_only=True)
    places: Callable[[int], Sequence[Place]] = field(default=lambda gpus: (), kw_only=True)
    _teams: dict[int, Team] = field(default_factory=dict)  # by number of places
    _alone: set[str] = field(default_factory=set)  # keys of cells that lacked memory beside others
    _data: dict[tuple[str, int], Data] = field(default_factory=dict)  # by suite and number of samples held out

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """Run every cell that is not done, teachers first as the plan has them; the end state by key. What was left
        aside is tried again as long as that changes anything."""
        use_ieee_float32()
        turn = Turn(should_stop=self.should_stop)
        in_rounds(cells, self._events, lambda left: self._attempt_all(left, turn))
        return self._events.ends

    def _attempt_all(self, cells: Mapping[str, Cell], turn: Turn) -> bool:
        """Attempt each cell once; False where that ends the run."""
        left = dict(cells)
        kin: dict[Kinship, list[Cell]] = {}
        for cell in cells.values():
            kin.setdefault(kinship(cell), []).append(cell)
        while left:
            first = next(iter(left.values()))
            world = len(self._places_of(first))
            together = [c for c in kin[kinship(first)] if c.key in left and len(self._places_of(c)) == world]
            alone = len(self._alone)
            tried = self._attempt_together(first, together, left)
            for cell in tried:
                if self._events.ends[cell.key] == "done":
                    self.measure(self.store, cell, self.place.device, turn)
            if self._stopping() or not (tried or len(self._alone) > alone):
                return False
            for cell in tried:
                del left[cell.key]
            needed = {cell.suite for cell in left.values()}
            self._data = {of: data for of, data in self._data.items() if of[0] in needed}  # the others are given back
        return True

    def _attempt_together(self, first: Cell, cells: Sequence[Cell], left: Mapping[str, Cell]) -> list[Cell]:
        """Train those for which there is room, of cells that see the same batches; the ones that have come to an end,
        or need to be tried alone."""
        saved = checkpoint.read(self.store.run(first.key).folder)
        team = self._team_of(first)
        usual = team.place if team else self.place
        place = replace(usual, threads=saved["position"]["threads"]) if saved else usual
        captures = self.settings.capture and place.device.type == "cuda" and team is None
        recorder = recorder_on(place.device) if captures else None
        teachers, attempts = Teachers(place.device, recorder), list[Attempt]()
        # Compiled code shares nothing, and several processes meet in every step of one training.
        alone = first.key in self._alone or self.settings.compiled or team is not None
        feed = Feed(lambda: self._data_of(first, place), recipe_of(first), first.seed, place)
        room = Room(place.device, 1 if alone else self.settings.cohort)
        cohort = Cohort(feed, teachers, self._stopping, room)

        def applicants() -> Iterator[Member]:
            trained = False
            for cell in [first] if alone else cells:
                if trained and not cohort.members:
                    return  # all have ended: they are measured before others begin
                if cell.key in self._alone and not alone:
                    continue
                attempt = Attempt(cell, self.store, self.settings, usual.threads, self._events, team)
                attempts.append(attempt)
                if attempt.settled(left):
                    continue
                if self._stopping():
                    return attempt.leave(None if cohort.members else "stopped")
                if (member := attempt.begun(place, feed, teachers, alone=not cohort.members)) is not None:
                    trained = True
                    yield member

        try:
            with self.store.explaining_full_disk(), place.in_use():
                cohort.run(applicants())
        finally:
            for attempt in attempts:
                attempt.close()
        self._alone |= {attempt.cell.key for attempt in attempts if attempt.lacked_memory}
        return [attempt.cell for attempt in attempts if attempt.end is not None]

    def _places_of(self, cell: Cell) -> Sequence[Place]:
        """Of the processes that a cell has started for itself; none where one trains it, or all do anyway."""
        places = self.places(cell.gpus) if self.team is None and cell.gpus > 1 else ()
        return places if len(places) > 1 else ()

    def _team_of(self, cell: Cell) -> Team | None:
        """Who trains the cell with this process; None where nobody does."""
        if not (places := self._places_of(cell)):
            return self.team
        if len(places) not in self._teams:
            self._teams[len(places)] = started(places)
        return self._teams[len(places)]

    def _data_of(self, cell: Cell, place: Place) -> Data:
        """The suite's data, opened at the first cell that needs it; what is held out makes it another data set."""
        if (cell.suite, cell.held_out) not in self._data:
            suite = catalog.parse("suite", cell.suite)
            opened = suite.open(place, self.settings.data, self.settings.download, cell.held_out)
            self._data[cell.suite, cell.held_out] = opened
        return self._data[cell.suite, cell.held_out].at(place)
