"""Publishing: a trained network becomes a model in MLflow, once it gives PyTorch's answers to test images.

It is exported to ONNX for any number of images, with the normalisation inside (engine/track/models.py says why ONNX).
"""

import getpass
import json
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from cheapconv.catalog.errors import UserError, short
from cheapconv.engine.measure.runtimes import exported
from cheapconv.engine.measure.runtimes.base import Job, Unsupported
from cheapconv.engine.run import shipping
from cheapconv.engine.run.formats import known
from cheapconv.engine.run.shipping import CHECKED, Ready
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.runs import NETWORKS, Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track.mirror import Connect, Mirror, run_of
from cheapconv.engine.track.models import Models, Student
from cheapconv.engine.track.server import connect as connected
from cheapconv.engine.track.server import tracking_uri


def publish(
    folder: Path,
    what: str,
    *,
    name: str | None = None,
    student: str | None = None,
    registered: bool = True,
    data: Path | None = None,
    option: str | None = None,
    connect: Connect = connected,
) -> Iterator[str]:
    """Log a student as a model of its cell's run, and make it a version of the registered model `name`, unless that is
    not to be; says what was done, line by line. What is there already is not sent again."""
    uri, store = tracking_uri(option), Store(folder)
    if uri is None:
        raise UserError("there is nowhere to publish: name a server or database with --mlflow or MLFLOW_TRACKING_URI.")
    cell = shipping.find(folder, what)
    sweep = sweep_of(store, what, cell.key, uri)
    models, called = Models(uri, connect), name or name_of(cell)
    if registered:
        models.require_registry()
    ready = Ready.of(folder, cell, student, data)
    tags = {**tagged(ready, store, student), "sweep": sweep}
    with alone(cell.key):
        there = models.version(called, tags) if registered else None
        if there is not None:
            yield f"models:/{called}/{there} is this network already"
            return
        with tempfile.TemporaryDirectory() as scratch:
            file, compared = written(ready, Path(scratch))
            mirror = Mirror(store, sweeps.read(store, sweep), uri, ask=True, connect=connect)
            models.asked(lambda: mirror.send(cell.key))
            run, described = run_of(store, cell.key, sweep, uri), told(ready, file, tags)
            model = models.log(described, run.run_id, run.experiment_id)
        yield compared
        if ready.loaded.doubts:
            yield f"its cell's score means nothing: {ready.loaded.doubts}"
        if registered:
            yield f"models:/{called}/{models.register(called, described, model)} is registered"
        else:
            yield f"models:/{model.model_id} is logged with its run"


def alone(key: str) -> FileLock:
    """Held while a cell is published: two commands at once would find no version, and each make one."""
    return FileLock(Path(tempfile.gettempdir()) / f"cheapconv-{getpass.getuser()}-publish-{key}.lock")


def sweep_of(store: Store, what: str, key: str, uri: str) -> str:
    """The sweep below whose run the cell's run stands: the one that was named, or that was sent to that MLflow, or the
    first that plans the cell."""
    named, _, pattern = what.partition("/")
    if pattern:
        return named
    plans = [plan for name in store.sweeps() if (plan := store.plan(name))]
    holding = [plan.sweep for plan in plans if key in {cell.key for cell in plan.cells}]
    if not holding:
        raise UserError(f"no sweep that {store.root} has a plan of holds the cell '{short(what)}': plan it by a run.")
    return next((name for name in holding if run_of(store, key, name, uri).run_id), holding[0])


def name_of(cell: CellRecord) -> str:
    """The registered model of all methods and seeds of a network on a suite: `digits-WRN-10-2-G_4`."""
    return spelled(f"{cell.suite_label}-{cell.architecture_label}-{cell.conv_label}")


def spelled(name: str) -> str:
    """A name with nothing in it that MLflow refuses or a shell reads."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_")


def written(ready: Ready, folder: Path) -> tuple[Path, str]:
    """The network in ONNX for any number of images, and how its answers to one, and to many at once, differ."""
    job = Job(ready.suite.image, CHECKED, folder)
    form, otherwise = known("onnx"), "publish another network"
    try:
        file = exported.any_batch(ready.network, job)
        answer = form.read(file, job)
        ready.compared(answer, 1, form, otherwise)
        return file, ready.compared(answer, CHECKED, form, otherwise)
    except Unsupported as refusal:
        raise UserError(f"{refusal} `cheapconv export` writes files for a fixed number of images.") from refusal


def tagged(ready: Ready, store: Store, student: str | None) -> dict[str, str]:
    """What a registry can be searched by."""
    cell, result = ready.loaded.cell, store.run(ready.loaded.cell.key).result()
    assert result, "the network of no other cell is loaded"
    chosen = next(row for row in result.students if row.name == (student or result.counted[0].name))
    return {
        "cell_key": cell.key,
        "student": chosen.name,
        "weights_sha256": result.files.get(f"{NETWORKS}/{chosen.name}.pt", ""),
        "suite": cell.suite,
        "architecture": ready.loaded.architecture,
        "conv": ready.loaded.conv,
        "method": cell.method,
        "seed": str(cell.seed),
        "score": result.headline,
        result.headline: f"{chosen.scores[result.headline]:.6g}",
        "test_samples": str(result.test_samples),
        "data_licence": ready.suite.terms,
        "cheapconv": version("cheapconv"),
        **({"warnings": ready.loaded.doubts} if ready.loaded.doubts else {}),
    }


def told(ready: Ready, file: Path, tags: dict[str, str]) -> Student:
    """What is said of a network beside its file."""
    loaded, suite, cell = ready.loaded, ready.suite, ready.loaded.cell
    said = {"class_names": loaded.class_names, "mean": loaded.mean, "std": loaded.std, "image": suite.image}
    warned = f" The score means nothing: {loaded.doubts}." if loaded.doubts else ""
    note = (
        f"{cell.architecture_label} with {cell.conv_label}, method {cell.method_label}, seed {cell.seed}, on "
        f"{cell.suite_label}: {tags['score']} {tags[tags['score']]} on {tags['test_samples']} test samples.{warned} "
        f"It takes float32 images {suite.image}, RGB from 0 to 1, and normalises them itself. "
        f"Training data: {suite.terms}. Cell `{cell.key}`."
    )
    return Student(
        label=spelled(f"{name_of(cell)}-{cell.method_label}-{cell.seed}"),
        file=file,
        said=json.loads(json.dumps(said)),
        image=suite.image,
        logits=tuple(ready.network(ready.images[:1]).shape[1:]),
        tags=tags,
        note=note,
    )
