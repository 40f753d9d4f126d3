"""A step that is recorded and played has the bits of the step as it is, for every registered method.

Played by the emulation of tests/engine/emulated.py, so what a step does on the host beside its operations happens once:
a method that counts in Python has other bits here, as it would have on a GPU.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.engine.store.runs import Run
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.cohort import Cohort, Member
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.graph import recorder_on
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Method
from cheapconv.methods.parts.restructured import Restructured
from cheapconv.suites.base import Batch
from cheapconv.suites.place import Place
from cheapconv.suites.task import Classification
from tests.engine.emulated import EmulatedRecorder, tensors
from tests.engine.tiny import Alone
from tests.engine.toys import Noisy
from tests.methods.world import PLACE, SUITE, World, data, make_world

catalog.load()
CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]
REFUSED: dict[str, str] = {}  # methods whose step is taken as it is, and why

# Other ways through a method than its default settings, and one that cuts its network.
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("dml", {"update": "sequential"}),  # two updates a batch
    ("fitnet", {"stages": "two_stage"}),  # two phases
    ("slimming", {}),
]
MORE: list[tuple[str, dict[str, Any]]] = [
    ("kdcl", {"target": "general"}),  # weights that are new after each epoch
    ("mcod", {"unit": "iteration"}),  # counts steps
    ("cc", {"form": "paper"}),
    ("kd", {"form": "moonshine_code"}),
]
# Those that cut or search networks take seconds for it.
HEAVY = [(name, {}) for name in METHODS if issubclass(CLASSES[name], Restructured)]
LIGHT = [(name, {}) for name in METHODS if (name, {}) not in HEAVY]
RECIPE = catalog.parse("suite", SUITE).recipes["short"].override(batch=10, schedule="onecycle")  # a rate for every step


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("captured"))


def build(world: World, name: str, place: Place, teachers: Teachers, **settings: Any) -> tuple[Method, Builder]:
    """A method, in the way of a cohort's cell."""
    cell, labels = world.cell(name, **settings), data().train_y.to(place.device)
    builder = Builder(cell, cell.classes, place, world.store, labels, teachers=teachers)
    with place.in_use():
        return build_method(cell, builder), builder


def trained(method: Method, builder: Builder, capture: Capture, teachers: Teachers, folder: Path) -> Training:
    """To the end; three steps an epoch, the last of them on 4 of 10 images."""
    epochs, place = 2 * len(method.phases()), builder.place
    recipe = replace(RECIPE, epochs=epochs, evaluate_every=epochs)
    fields: dict[str, Any] = {"seed": 0, "place": place, "randomness": builder.randomness, "capture": capture}
    training = Training(method, data().to(place.device), recipe, Classification(10), **fields)
    feed = Feed(lambda: training.data, recipe, 0, place)
    watched = Alone(lambda *_: None, lambda *_: None)
    Cohort(feed, teachers).run(iter([Member(training, Run(folder), watched)]))
    return training


def assert_same(played: Training, taken: Training) -> None:
    """Weights, momentum, clock, random numbers and curve."""
    ours, theirs = (training.state_dict() for training in (played, taken))
    for part in ("method", "optimiser", "clock", "randomness"):
        pairs = zip(tensors(ours[part]), tensors(theirs[part]), strict=True)  # type: ignore[literal-required]
        assert [position for position, pair in enumerate(pairs) if not torch.equal(*pair)] == [], part
    for row, other in zip(played.position.curve, taken.position.curve, strict=True):
        assert (row.lr, row.loss, row.terms, row.scores) == (other.lr, other.loss, other.terms, other.scores)


def check(
    world: World, name: str, folder: Path, place: Place = PLACE, new: Any = EmulatedRecorder, **settings: Any
) -> Training:
    """Train it both ways and compare; the one that was played, teachers' passes too."""
    found = []
    for rehearsals in (1, 10**6):
        teachers = Teachers(place.device, new() if rehearsals == 1 else None)
        capture = Capture(new(), teachers.passes, rehearsals=rehearsals, trials=0)
        where = folder / str(rehearsals)
        where.mkdir()
        found.append(trained(*build(world, name, place, teachers, **settings), capture, teachers, where))
    assert_same(*found)
    return found[0]


@pytest.mark.parametrize(
    ("name", "settings"),
    [*LIGHT, *SETTINGS, *(pytest.param(*each, marks=pytest.mark.slow) for each in [*MORE, *HEAVY])],
)
def test_a_step_that_is_played_has_the_bits_of_one_that_is_taken(world, name, settings, tmp_path, caplog):
    played = check(world, name, tmp_path, **settings)
    recorder, phases = played._captured._capture.recorder, len(played.method.phases())
    if name in REFUSED:
        assert recorder.recorded == 0
        assert REFUSED[name] in caplog.text
    else:
        # Of each phase's two epochs, the first step is rehearsed, and three are played.
        assert (caplog.text, recorder.recorded, recorder.played) == ("", phases, 3 * phases)


# Of its usual number of negatives, among a few images, most are drawn twice: their gradients add up in any order.
ON_GPU = [("crd", {"negatives": 8}) if each == ("crd", {}) else each for each in [*LIGHT, *SETTINGS, *MORE, *HEAVY]]


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "settings"), ON_GPU)
def test_a_step_that_is_played_on_a_gpu_has_the_bits_of_one_that_is_taken(world, name, settings, tmp_path, caplog):
    place = Place(torch.device("cuda", 0))
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        played = check(world, name, tmp_path, place, lambda: recorder_on(place.device), **settings)
    assert caplog.text == ""
    assert played._captured._recording is not None


class Counting(Noisy):
    """A weight that grows from step to step, by a count that no tensor holds."""

    def __init__(self, build: Any, config: Any) -> None:
        super().__init__(build, config)
        self.count = itertools.count(1)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy, more and more of it."""
        return {"ce": next(self.count) * super().losses(batch)["ce"]}


def test_a_method_that_counts_in_secret_is_caught(world, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    catalog.register("method", "counting")(Counting)
    with pytest.raises(AssertionError, match="method"):
        check(world, "counting", tmp_path)
