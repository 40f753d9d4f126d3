"""Finished cells in int8: how their students score and how large they are, by a runtime's own quantiser.

A piece of work of its own after training, which cannot fail it. What is kept already is not made again.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import clock
from cheapconv.engine.measure.calibration_images import CalibrationImages
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.run.measuring import time_missing
from cheapconv.engine.run.recorded import require_its_answers
from cheapconv.engine.run.scored import of_answers
from cheapconv.engine.run.shipping import CPU
from cheapconv.engine.store import deployments, networks
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.deployments import DeployedStudent, Deployment
from cheapconv.engine.store.files import now
from cheapconv.engine.store.records import Result
from cheapconv.engine.store.runs import Store
from cheapconv.models.deployed import deployed
from cheapconv.suites.base import Data
from cheapconv.suites.place import Place

log = logging.getLogger(__name__)


class OpenedData:
    """The data of cells, each data set opened once, and the images by which quantisers are calibrated for them."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._data: dict[tuple[str, int], Data] = {}  # by suite and number of samples held out
        self._drawn: dict[tuple[str, str], CalibrationImages] = {}  # by suite and recipe

    def data(self, cell: Cell) -> Data:
        """Those of a cell, on the CPU."""
        if (cell.suite, cell.held_out) not in self._data:
            suite = catalog.parse("suite", cell.suite)
            self._data[cell.suite, cell.held_out] = suite.open(Place(CPU), self._folder, validation=cell.held_out)
        return self._data[cell.suite, cell.held_out]

    def calibration(self, cell: Cell) -> CalibrationImages:
        """Training images of a cell's suite as its recipe normalises them."""
        of = cell.suite, json.dumps(cell.recipe, sort_keys=True)
        if of not in self._drawn:
            label = catalog.parse("suite", cell.suite).label
            self._drawn[of] = CalibrationImages.drawn(self.data(cell), recipe_of(cell), label)
        return self._drawn[of]


def lacking(store: Store, cells: Sequence[Cell], way: Way) -> list[Cell]:
    """Finished cells that were not yet scored in int8 by a runtime of this version."""
    version = way.library.version

    def is_there(cell: Cell) -> bool:
        kept = deployments.read(store.run(cell.key))
        return any((d.runtime, d.precision, d.runtime_version) == (way.runtime, "int8", version) for d in kept)

    return [cell for cell in cells if store.run(cell.key).result() is not None and not is_there(cell)]


def score(
    store: Store,
    cells: Sequence[Cell],
    way: Way,
    samples: OpenedData,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Cell, Deployment]]:
    """Score those that lack it, by a runtime that has int8, and keep what was found; one that fails is a warning."""
    for cell in lacking(store, cells, way):
        if should_stop():
            return
        try:
            found = deployment(store, cell, way.in_int8(samples.calibration(cell)), samples.data(cell))
            deployments.write(store.run(cell.key), found)
        except Exception as error:  # a damaged file, or a network that a runtime cannot take; the others are scored
            name = f"{cell.architecture_label} {cell.conv_label} {cell.method_label}"
            log.warning("%s could not be scored in int8 (%s)", name, reason(error).rstrip("."))
            continue
        yield cell, found


def deployment(store: Store, cell: Cell, way: Way, data: Data) -> Deployment:
    """A finished cell's students as a runtime answers in int8; raises Unsupported, or UserError."""
    assert way.calibration is not None
    return Deployment(
        runtime=way.runtime,
        runtime_label=way.library.label,
        runtime_version=way.library.version,
        precision=way.precision,
        quantised_on=str(way.calibration),
        test_samples=data.size("test"),
        students=tuple(
            _student(store, cell, student.name, student.structure, way, data)
            for student in result_of(store, cell).students
        ),
        device_name=device_name(CPU),
        date=now(),
    )


@torch.no_grad()
def _student(store: Store, cell: Cell, name: str, structure: str | None, way: Way, data: Data) -> DeployedStudent:
    """One network of a cell."""
    assert way.calibration is not None
    suite, recipe = catalog.parse("suite", cell.suite), recipe_of(cell)
    loaded = networks.load(store, cell.key, name)
    require_its_answers(store, loaded, data)
    network = deployed(loaded.network, suite.image)
    batch, threads = clock.throughput_batch(suite.image, CPU), torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        job = Job(suite.image, batch, Path(folder), threads, way.precision, way.calibration.images)
        answer = way.library.prepare(network, job)
        size = answer.size_bytes
    assert size is not None, "a runtime that has int8 has files"
    scores = of_answers(answer, data.split("test", recipe), batch, suite.task_of(data))
    return DeployedStudent(name=name, structure=structure, scores=scores, weights_bytes=size)


def both(ways: Sequence[Way], cells: Sequence[Cell], samples: OpenedData) -> list[Way]:
    """Each way in float32 and in int8, calibrated on the training images of the cells, which are of one suite."""
    without = [way.runtime for way in ways if not way.has_int8]
    if len(without) == len(ways):
        raise UserError(f"{' and '.join(without)} cannot do int8: name a --runtime that can, see `list runtimes`.")
    for name in without:
        log.warning("%s has no int8 and is timed in float32 alone", name)
    found: list[Way] = []
    for way in ways:
        found.append(way)
        if way.runtime not in without:
            found.append(way.in_int8(samples.calibration(cells[0])))
    return found


def told(cell: Cell, deployment: Deployment, result: Result) -> str:
    """`WRN-16-2 G(4) kd, seed 0, onnxruntime int8: top1 61.2 % (trained: 61.4 %), 0.21 MB`."""
    own, size = deployment.means(result)[result.headline], deployment.weights_bytes(result)
    name = f"{cell.architecture_label} {cell.conv_label} {cell.method_label}, seed {cell.seed}"
    scores = f"{result.headline} {100 * own:.2f} % (as trained {100 * result.score:.2f} %)"
    return f"{name}, {deployment.runtime} int8: {scores}, {size / 1e6:.2f} MB"


def score_and_time(
    store: Store, cells: Sequence[Cell], folder: Path | None, should_stop: Callable[[], bool]
) -> Iterator[str]:
    """What a sweep asks for with `deployed: [int8]`: the usual runtime's int8 of cells that are done. A line for each
    that was scored."""
    samples, turn, usual = OpenedData(folder), Turn(should_stop=should_stop), Way.usual(CPU)
    for cell, found in score(store, cells, usual, samples, should_stop):
        yield told(cell, found, result_of(store, cell))
    for cell in cells:
        if should_stop():
            return
        try:
            way = usual.in_int8(samples.calibration(cell))
        except UserError as error:  # the images are gone since
            log.warning("nothing is timed in int8: %s", str(error).rstrip("."))
            return
        time_missing(store, cell, way, turn)


def result_of(store: Store, cell: Cell) -> Result:
    """Of a finished cell."""
    result = store.run(cell.key).result()
    assert result is not None
    return result
