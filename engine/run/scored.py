"""The score of an exported file on test images, by the runtime that it is for."""

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.runtimes.base import Job, Unsupported
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.formats import Answer, known
from cheapconv.engine.run.shipping import CPU, in_batches, raw, untied
from cheapconv.engine.run.sidecar import Sidecar, beside, within
from cheapconv.suites.base import Suite
from cheapconv.suites.place import Place
from cheapconv.suites.task import Task


def accuracy(file: Path, suite: str | None, data: Path | None, threads: int | None) -> dict[str, Any]:
    """Scores by name, beside what they are of: of a file, or of the one to load in a folder of `export`."""
    file = file / within(file).files[0] if file.is_dir() else file
    said, begun = beside(file), time.monotonic()
    form = known(said.format, said.precision)
    of: Suite = catalog.parse("suite", suite or said.suite)
    _require_fit(said, of, file)
    recipe = next(iter(of.recipes.values()))
    opened = of.open(Place(CPU), data)
    settle(threads)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(said.image, said.batch, Path(folder), torch.get_num_threads(), form.precision)
        try:
            answer = form.read(file, job)
            images = raw(opened.split("test", recipe), recipe.normalisation)
            scores = of_answers(answer, images, said.batch, of.task_of(opened))
        except Unsupported as refusal:
            raise UserError(f"{file}: {refusal}") from refusal
    return {
        "file": str(file),
        "bytes": sum((file.parent / name).stat().st_size for name in said.files),
        "runtime": f"{form.label} {form.runtime.version if form.runtime else torch.__version__}",
        "precision": said.precision,
        "suite": catalog.canonical(of),
        "images": opened.size("test"),
        **scores,
        "seconds": round(time.monotonic() - begun, 1),
    }


def of_answers(answer: Answer, images: Iterable[tuple[Tensor, Tensor]], batch: int, task: Task) -> dict[str, float]:
    """Scores by name of what answers images in batches of exactly that size."""
    total = None
    for x, y in images:
        logits = torch.cat([answer(part)[:count] for part, count in in_batches(x, batch)])
        found = task.tally(untied(logits), y)
        total = found if total is None else total + found
    assert total is not None, "a suite has test images"
    return task.scores(total)


def _require_fit(said: Sidecar, of: Suite, file: Path) -> None:
    """A UserError for a suite of other images or other classes."""
    if tuple(of.image) != tuple(said.image) or of.classes != len(said.class_names):
        sizes = [" x ".join(map(str, image)) for image in (said.image, of.image)]
        raise UserError(
            f"{file} takes images of {sizes[0]} and knows {len(said.class_names)} classes, {of.label} has {sizes[1]} "
            f"and {of.classes}: name the suite it was trained for, {said.suite}."
        )
