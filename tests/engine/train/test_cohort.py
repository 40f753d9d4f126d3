"""A cohort: what is made once, who pays for it, who leaves, and who joins."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run.room import Room
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Result
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Network
from cheapconv.models import network
from cheapconv.suites.base import Batch
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same
from tests.engine.tiny import STEPS, ends
from tests.engine.toys import Noisy

pytestmark = pytest.mark.usefixtures("tiny_world")
EPOCHS = 2
TAUGHT = ("kd", "at", "fitnet", "reviewkd")  # logits, maps, embeddings, maps before the ReLU


def lesson(*methods: str) -> Plan:
    """A teacher, and cells of methods that learn from it."""
    students = [{"method": {method: {"teacher": "teacher"}}} for method in methods]
    return tiny.planned({"name": "teacher", "seeds": [5]}, *students, epochs=EPOCHS)


def results(store: Store, whole: Plan) -> dict[str, Result]:
    """By method."""
    found = {planned.cell.method: store.run(planned.cell.key).result() for planned in whole.cells}
    return {method: result for method, result in found.items() if result is not None}


# What is made once


def test_a_batch_is_made_once_for_all(store, monkeypatch):
    """Of one view, and once more of two."""
    made: list[tuple[int, int, int]] = []
    train = tiny.InMemory.train

    def noted(self: Any, recipe: Any, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        for step, batch in enumerate(train(self, recipe, seed, epoch, start, views), start):
            made.append((views, epoch, step))
            yield batch

    monkeypatch.setattr(tiny.InMemory, "train", noted)
    whole = tiny.planned("scratch", "noisy", {"method": {"kdcl": tiny.settings("kdcl")}}, epochs=EPOCHS)
    assert ends(store, whole, cohort=None) == ["done"] * 3
    steps = [(epoch, step) for epoch in range(EPOCHS) for step in range(STEPS)]
    assert [(epoch, step) for views, epoch, step in made if views == 1] == steps
    assert [(epoch, step) for views, epoch, step in made if views == 2] == steps


def test_a_teacher_looks_at_a_batch_once_for_all(store, monkeypatch):
    """From the second batch on, when it is known that maps are asked for, and those before the ReLU."""
    whole, together = lesson(*TAUGHT), Store(store.root.parent / "together")
    assert ends(store, whole) == ["done"] * 5
    passes: list[bool] = []
    for way in ("stages", "forward"):
        look = getattr(network.Network, way)

        def counted(self: Any, x: Tensor, *args: Any, look: Any = look, **kwargs: Any) -> Any:
            if not any(p.requires_grad for p in self.parameters()):
                passes.append(len(x) > 1)  # not a look at its shapes
            return look(self, x, *args, **kwargs)

        monkeypatch.setattr(network.Network, way, counted)
    assert ends(together, whole, cohort=None) == ["done"] * 5
    assert EPOCHS * STEPS <= sum(passes) <= EPOCHS * STEPS + 2
    for planned in whole.cells:
        assert_same(together, store, planned.cell.key)


def test_bits_in_bf16_are_those_of_cells_alone(store):
    """What was made for one in bf16 is what another would make in bf16."""
    students = [{"method": {method: {"teacher": "teacher"}}} for method in TAUGHT]
    whole = tiny.planned({"name": "teacher", "seeds": [5]}, *students, "noisy", epochs=EPOCHS, precision="bf16")
    together = Store(store.root.parent / "together")
    assert ends(store, whole) == ends(together, whole, cohort=None) == ["done"] * 6
    for planned in whole.cells:
        assert_same(together, store, planned.cell.key)


class Writing(Noisy):
    """Writes into what it was given."""

    needs_teacher = True

    def __init__(self, build: Any, config: Any) -> None:
        super().__init__(build, config)
        self.teacher: Network = build.teacher()

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The cross-entropy, of spoilt images."""
        for written in (*self.teacher.stages(batch.x), self.teacher(batch.x), batch.x):
            written.mul_(2)
        return super().losses(batch, update)


def test_what_a_method_writes_into_its_batch_and_its_teachers_maps_spoils_nobody_elses(store):
    catalog.register("method", "writing")(Writing)
    whole, together = lesson("writing", "at", "kd"), Store(store.root.parent / "together")
    assert ends(store, whole) == ["done"] * 4
    assert ends(together, whole, cohort=None) == ["done"] * 4
    for planned in whole.cells:
        assert_same(together, store, planned.cell.key)


# The bill


def test_a_row_costs_what_it_would_alone_and_less_was_spent(store):
    whole = lesson(*TAUGHT)
    assert ends(store, whole, cohort=None) == ["done"] * 5
    for method, result in results(store, whole).items():
        assert result.train_s == result.steps_s + result.method_s
        assert result.spent_s < result.train_s if method in TAUGHT else result.spent_s == pytest.approx(result.train_s)


# Leaving


def test_one_that_fails_leaves_and_the_others_keep_their_bits(store):
    names = ("noisy", "raising", {"method": {"diverging": {"value": "nan"}}}, "pruned")
    whole, together = tiny.planned(*names, epochs=4), Store(store.root.parent / "together")
    assert ends(store, whole) == ends(together, whole, cohort=None) == ["done", "failed", "failed", "done"]
    for planned in (whole.cells[0], whole.cells[3]):
        assert_same(together, store, planned.cell.key)


def test_failing_fast_stops_the_others_where_they_could_go_on(store):
    whole = tiny.planned("noisy", "raising", "scratch", epochs=EPOCHS)
    assert ends(store, whole, cohort=None, fail_fast=True) == ["stopped", "failed", "not reached"]
    assert ends(store, whole, cohort=None) == ["done", "failed", "done"]


def test_a_stop_stops_all_and_all_go_on(store):
    whole, alone = tiny.planned("noisy", "scratch", "pruned", epochs=EPOCHS), Store(store.root.parent / "alone")
    assert ends(alone, whole) == ["done"] * 3
    stop = watchers.StopAfter(4, "noisy")
    assert ends(store, whole, stop, cohort=None, should_stop=stop) == ["stopped"] * 3
    assert ends(store, whole, cohort=None) == ["done"] * 3
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)


class Greedy(Noisy):
    """Finds too little memory in its second epoch, as long as it is not alone."""

    crowd = 0

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The cross-entropy, if there is memory for it."""
        if self.clock.epoch >= 1 and Greedy.crowd:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().losses(batch, update)


class Crowd(watchers.Watcher):
    """Counts what trains beside the greedy one."""

    def started(self, cell: Cell) -> None:
        """One more."""
        Greedy.crowd += cell.method != "greedy"

    def ended(self, cell: Cell, state: str) -> None:
        """One less."""
        Greedy.crowd -= cell.method != "greedy"


def test_one_that_lacks_memory_beside_others_goes_on_alone(store, caplog):
    catalog.register("method", "greedy")(Greedy)
    whole, alone = tiny.planned("noisy", "greedy", "scratch", epochs=EPOCHS), Store(store.root.parent / "alone")
    assert ends(alone, whole) == ["done"] * 3
    assert ends(store, whole, Crowd(), cohort=None) == ["done"] * 3
    assert "had too little memory beside others, and goes on alone" in caplog.text
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)


class Vast(Noisy):
    """Finds no memory for its network, as long as it is not alone."""

    training: ClassVar[set[str]] = set()  # by which methods

    def __init__(self, build: Any, config: Any) -> None:
        if Vast.training - {"vast"}:
            raise torch.OutOfMemoryError("CUDA out of memory")
        super().__init__(build, config)


class Census(watchers.Watcher):
    """Knows what trains beside the vast one."""

    def started(self, cell: Cell) -> None:
        """One more."""
        Vast.training.add(cell.method)

    def ended(self, cell: Cell, state: str) -> None:
        """One less."""
        Vast.training.discard(cell.method)


def test_one_that_cannot_be_made_beside_others_is_made_alone(store, caplog):
    catalog.register("method", "vast")(Vast)
    assert ends(store, tiny.planned("noisy", "vast", epochs=1), Census(), cohort=None) == ["done"] * 2
    assert "had too little memory beside others, and goes on alone" in caplog.text


def test_one_that_lacks_memory_alone_fails(store, monkeypatch):
    catalog.register("method", "greedy")(Greedy)
    monkeypatch.setattr(Greedy, "crowd", 1)
    assert ends(store, tiny.planned("greedy", epochs=EPOCHS), cohort=None) == ["failed"]


# Joining


class Order(watchers.Watcher):
    """Which cell takes which step."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Note it."""
        self.steps.append((cell.method, position.epoch, position.step))


def test_who_is_behind_goes_first_until_they_meet(store):
    whole, order = tiny.planned("noisy", "pruned", epochs=4), Order()
    stop = watchers.StopAfter(7, "noisy")
    ends(store, whole, stop, cohort=1, should_stop=stop)
    ends(store, whole, order, cohort=None)
    behind = [("pruned", epoch, step) for epoch in (0, 1) for step in (1, 2, 3)]
    together = [(name, *at) for at in ((2, 3), (3, 1), (3, 2), (3, 3)) for name in ("noisy", "pruned")]
    # The other one is asked for first, and steps once before this one is let in.
    assert order.steps == [("noisy", 2, 2), *behind, ("pruned", 2, 1), ("pruned", 2, 2), *together]


def test_the_next_one_waits_until_the_first_has_all_its_memory_and_room_is_kept_for_those_that_grow(store, monkeypatch):
    settled = property(lambda training: training.position.step != 1)  # from the second step on
    monkeypatch.setattr(Training, "settled", settled)
    asked, order = list[tuple[int, int]](), Order()

    def has_room(self: Room, members: int, growing: int = 0) -> bool:
        asked.append((members, growing))
        return not growing

    monkeypatch.setattr(Room, "__call__", has_room)
    whole = tiny.planned("noisy", "pruned", "scratch", epochs=2)
    assert ends(store, whole, order, cohort=None) == ["done"] * 3
    assert [name for name, *_ in order.steps][:6] == ["noisy", "noisy", "pruned", "pruned", "scratch", "scratch"]
    assert asked[:3] == [(1, 0), (2, 1), (2, 0)]


def test_no_more_than_were_allowed_are_side_by_side(store):
    active: set[str] = set()
    most: list[int] = []

    class Count(watchers.Watcher):
        def started(self, cell: Cell) -> None:
            active.add(cell.key)
            most.append(len(active))

        def ended(self, cell: Cell, state: str) -> None:
            active.discard(cell.key)

    convs = ["standard", "group(groups=2)", "group(groups=4)", "depthwise"]
    whole = tiny.planned({"method": "scratch", "conv": convs}, epochs=1)
    assert ends(store, whole, Count(), cohort=3) == ["done"] * 4
    assert max(most) == 3


def test_cells_of_other_seeds_or_recipes_see_other_batches_and_are_no_cohort(store):
    order = Order()
    whole = tiny.planned("scratch", seeds=[0, 1], epochs=1)
    assert ends(store, whole, order, cohort=None) == ["done"] * 2
    assert [step for _, _, step in order.steps] == [1, 2, 3, 1, 2, 3]
