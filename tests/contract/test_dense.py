"""What every method does where every pixel has a label: it trains, or the plan says why it does not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run.planning import plan
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.runs import Run, Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.teachers import Passes
from cheapconv.engine.train.training import Training
from cheapconv.methods.losses import kl
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.base import Suite
from cheapconv.suites.frames import Frames
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule
from cheapconv.suites.segmentation import Segmentation
from cheapconv.suites.task import Task
from tests.engine.emulated import EmulatedRecorder, tensors
from tests.engine.finished import finish
from tests.engine.tiny import Stopped, end_epoch, left, train_alone

catalog.load()
METHODS = catalog.names("method")
DENSE = [name for name in METHODS if "pixel" in catalog.entry("method", name).cls.answers]
CLASSES, VOID, SIDE = 3, 3, 16
PLACE = Place(torch.device("cpu"))
RECIPE = Recipe(
    name="short",
    epochs=2,
    batch=2,
    lr=1e-3,
    weight_decay=0.0,
    optimiser="adam",
    schedule=Schedule(kind="poly"),
    augmentation=Augmentation(pad=1, flip=True),
    normalisation=Normalisation(mean=(0.5,) * 3, std=(0.3,) * 3),
)


class Halves(Suite):
    """Frames of two colours, each a class of its own, and noise without one."""

    label: ClassVar[str] = "Halves"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "halves"
    classes: ClassVar[int] = CLASSES
    image: ClassVar[tuple[int, int, int]] = (3, SIDE, SIDE)
    recipes: ClassVar[dict[str, Recipe]] = {"short": RECIPE}

    @property
    def task(self) -> Task:
        """Segmentation."""
        return Segmentation(CLASSES, VOID)


def data() -> Frames:
    """Four frames, the same at every call."""
    generator = torch.Generator().manual_seed(1)
    y = torch.randint(CLASSES + 1, (4, 4, 4), generator=generator, dtype=torch.uint8)
    y = y.repeat_interleave(SIDE // 4, dim=1).repeat_interleave(SIDE // 4, dim=2)
    x = (y * 60)[:, None].repeat(1, 3, 1, 1)
    return Frames(x, y, x, y, ("a", "b", "c"), void=VOID)


@pytest.fixture(scope="module", autouse=True)
def _suite() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "_entries", dict(entries._entries))
        catalog.register("suite", "halves")(Halves)
        yield


def planned(methods: list[str], **fields: Any) -> Plan:
    """A plan of these methods with a teacher."""
    taught = [catalog.entry("method", name).cls.needs_teacher for name in methods]
    choices = [{name: {"teacher": "teacher"}} if needs else name for name, needs in zip(methods, taught, strict=True)]
    network = {"architecture": "ERFNet", "conv": "G(N)"}
    grid = [{"name": "teacher", **network, "method": "scratch"}, {**network, "method": choices, **fields}]
    return plan(Sweep.model_validate({"suite": "halves", "recipe": "short", "entries": grid}), "sweep")


def training(store: Store, cell: Cell, **fields: Any) -> Training:
    """A cell's training at its beginning."""
    suite = catalog.parse("suite", cell.suite)
    builder = Builder(cell, cell.classes, PLACE, store, data().labels, suite.task_of(data()))
    method = build_method(cell, builder)
    fields |= {"seed": 0, "place": PLACE, "randomness": builder.randomness}
    return Training(method, data(), recipe_of(cell), suite.task, **fields)


def folder(store: Store, cell: Cell) -> Run:
    """A run folder of its own."""
    run = Run(store.root / f"{cell.key}-run")
    run.folder.mkdir()
    return run


@pytest.fixture(scope="module")
def cells() -> dict[str, Cell]:
    """A cell by the name of its method."""
    return {p.cell.method: p.cell for p in planned(METHODS).cells}


def test_a_method_that_has_no_meaning_is_skipped_with_its_reason(cells: dict[str, Cell]):
    assert {*cells} == {*DENSE} == {"scratch", "kd", "at", "encoder_first", "encoder_first_at"}
    skipped = {cell.method.partition("(")[0]: cell.reason for cell in planned(METHODS).skipped}
    assert {*skipped} == {*METHODS} - {*DENSE}
    for name, reason in skipped.items():
        assert reason == (
            f"{name} cannot train ERFNet G(N): it is made for one answer for every image, "
            "and the suite asks for one for every pixel"
        )


@pytest.mark.parametrize("name", DENSE)
def test_a_method_that_has_a_meaning_trains_two_epochs(cells: dict[str, Cell], name: str, tmp_path: Path):
    store, cell = Store(tmp_path), cells[name]
    if cell.teacher:
        teacher = cells["scratch"]
        finish(store, teacher, build_method(teacher, Builder(teacher, CLASSES, PLACE, store)))
        assert cell.teacher == teacher.key
    position = train_alone(training(store, cell), folder(store, cell).folder)
    assert len(position.curve) == 2
    assert position.curve[-1].scores["student"].keys() == {"miou", "pixel_accuracy", "miou_error"}
    assert all(value > 0 for value in position.curve[-1].terms.values())


def test_a_training_that_was_stopped_goes_on_with_the_same_bits(cells: dict[str, Cell], tmp_path: Path):
    """With Adam's moments, a dropout, labels that move, and two phases."""
    store, cell = Store(tmp_path), cells["encoder_first"]
    run, whole = folder(store, cell), training(store, cell)
    train_alone(whole, run.folder)
    stops = iter([False, False, True])  # in the middle of the second epoch
    with pytest.raises(Stopped):
        train_alone(training(store, cell), run.folder, should_stop=lambda: next(stops))
    resumed, saved = training(store, cell), checkpoint.read(run.folder)
    assert saved is not None
    assert (saved["position"]["epoch"], saved["position"]["step"]) == (1, 1)
    resumed.load_state_dict(saved)
    train_alone(resumed, run.folder)
    for name, value in whole.method.state_dict().items():
        assert torch.equal(value, resumed.method.state_dict()[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["encoder_first", "encoder_first_at"])
def test_steps_that_are_played_have_the_bits_of_those_that_are_taken(cells: dict[str, Cell], name: str, tmp_path: Path):
    """As in tests/contract/test_captured_methods.py for methods of images; one of each phase is played."""
    store, teacher = Store(tmp_path), cells["scratch"]
    finish(store, teacher, build_method(teacher, Builder(teacher, CLASSES, PLACE, store)))
    found, recorder = [], EmulatedRecorder()
    for rehearsals in (1, 10**6):
        capture = Capture(recorder, Passes(PLACE.device), rehearsals=rehearsals, trials=0)
        begun = training(store, cells[name], capture=capture)
        where = tmp_path / str(rehearsals)
        where.mkdir()
        train_alone(begun, where)
        found.append(begun)
    assert (recorder.recorded, recorder.played) == (2, 2)
    played, taken = (each.state_dict() for each in found)
    for part in ("method", "optimiser", "randomness"):
        assert all(map(torch.equal, tensors(played[part]), tensors(taken[part]))), part  # type: ignore[literal-required]
    assert [row.terms for row in found[0].position.curve] == [row.terms for row in found[1].position.curve]


def test_the_encoder_is_trained_first_and_alone(cells: dict[str, Cell], tmp_path: Path):
    begun = training(Store(tmp_path), cells["encoder_first"])
    drawn = {name: value.clone() for name, value in begun.method.state_dict().items()}
    moved = []
    for _ in range(2):
        begun.begin_epoch()
        for batch in left(begun):
            begun.step(batch)
        end_epoch(begun)
        changed = {name for name, value in begun.method.state_dict().items() if not torch.equal(value, drawn[name])}
        moved.append({re.sub(r"(student\.\w+(\.\d)?).*", r"\1", name) for name in changed})
    encoder = {f"student.stage_modules.{stage}" for stage in range(3)}
    assert moved[0] == encoder | {"student.encoder_head"}
    decoder = {"student.stage_modules.3", "student.stage_modules.4", "student.classifier"}
    assert moved[1] == moved[0] | decoder


def test_a_network_that_answers_for_something_else_is_a_row_that_says_so():
    architectures = ["ERFNet", "wrn(depth=10, width=1)"]
    [skipped] = [s for s in planned(["scratch"], architecture=architectures).skipped if "wrn" in s.architecture]
    assert skipped.reason.startswith("wrn(depth=10, width=1) gives one answer for every image, and Halves asks for one")


def test_kd_of_pixels_is_the_mean_over_them():
    """As if every pixel were an image."""
    s, t = torch.randn(2, CLASSES, 4, 4), torch.randn(2, CLASSES, 4, 4)
    pixels = [z.permute(0, 2, 3, 1).reshape(-1, CLASSES) for z in (s, t)]
    torch.testing.assert_close(kl(s, t, 4.0), kl(*pixels, 4.0))
    torch.testing.assert_close(kl(s, t, 4.0, "mean"), kl(*pixels, 4.0, "mean"))
