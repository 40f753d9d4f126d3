"""A trained network as a file that other programs run: normalisation inside, checked before it is kept.

What is written is a folder: the file, `network.json`, which says what goes in and what comes out of it, and a README of
one page.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, short
from cheapconv.engine.measure.calibration_images import CalibrationImages
from cheapconv.engine.measure.runtimes.base import Job, Unsupported
from cheapconv.engine.plan.select import matches
from cheapconv.engine.run.formats import Answer, Format, known
from cheapconv.engine.run.recorded import require_its_answers
from cheapconv.engine.run.sidecar import NAME, Sidecar, readme
from cheapconv.engine.store import networks
from cheapconv.engine.store.cell import CellRecord, recipe_of
from cheapconv.engine.store.files import DISK_ERRORS, now, write_bytes, write_json
from cheapconv.engine.store.networks import Loaded
from cheapconv.engine.store.runs import Store
from cheapconv.models.deployed import deployed
from cheapconv.suites.augmentation import Normalisation
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe

CHECKED = 64  # test images whose answers are compared before a file is kept
ALIKE = 0.8  # share of them that int8 must give the same class; a broken one agrees by chance
CLOSE = 1e-3  # of the largest logit of PyTorch: by so much answers may differ
README = "README.md"
CPU = torch.device("cpu")


class Raw(nn.Module):
    """A network of images (B, C, H, W) as they are, numbers from 0 to 1."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network((x - self.mean) / self.std)
        return logits


@dataclass(frozen=True)
class Ready:
    """A trained network as it leaves, and the data to try it on."""

    loaded: Loaded
    network: Raw
    suite: Suite
    recipe: Recipe
    data: Data

    @classmethod
    def of(cls, store: Path, cell: CellRecord, student: str | None, data: Path | None) -> "Ready":
        """Of a finished cell; its first student that counts, if none is named. A UserError where it answers otherwise
        than it did when it was trained."""
        if lacking := [name for name in cell.plugins if name not in catalog.plugins()]:
            named = " ".join(f"--plugin {short(name)}" for name in lacking)
            raise UserError(f"the cell {cell.key} has parts of the user's own: give {named} to import them from.")
        loaded = networks.load(Store(store), cell.key, student)
        suite, recipe = catalog.parse("suite", cell.suite), recipe_of(cell)
        opened = suite.open(Place(CPU), data, validation=cell.held_out)
        require_its_answers(Store(store), loaded, opened)
        network = Raw(deployed(loaded.network, suite.image), loaded.mean, loaded.std).eval()
        return cls(loaded, network, suite, recipe, opened)

    @property
    def images(self) -> Tensor:
        """The first test images (N, C, H, W), from 0 to 1."""
        batches = raw(self.data.split("test", self.recipe), self.recipe.normalisation)
        return torch.stack([*islice((image for part, _ in batches for image in part), CHECKED)])

    def compared(self, answer: Answer, batch: int, form: Format, otherwise: str) -> str:
        """How the answers of a file differ from the network's; a UserError for another network's: in float32 where
        they are not close, or say another class, in int8 where they say another class too often."""
        x = self.images
        with torch.no_grad():
            expected = self.network(x)
        found = torch.cat([answer(part)[:count] for part, count in in_batches(x, batch)])
        worst = ((found - expected).abs().max() / expected.abs().max()).item()
        alike = (found.argmax(1) == expected.argmax(1)).float().mean().item()
        if form.precision == "int8":
            if alike < ALIKE:
                raise UserError(
                    f"in int8 it says another class for {1 - alike:.0%} of {len(x)} test images: ship float32."
                )
            return f"checked on {len(x)} test images: {alike:.0%} have PyTorch's class"
        if not worst <= CLOSE or alike < 1:
            raise UserError(f"the file's answers differ from PyTorch's by {worst:.1e}: {otherwise}.")
        return f"checked on {len(x)} test images: logits differ from PyTorch's by {worst:.1e} of the largest at most"


def find(store: Path, what: str) -> CellRecord:
    """The finished cell that is meant by its key, or the beginning of it, or by SWEEP/PATTERN."""
    catalog.load()
    runs, (sweep, _, pattern) = Store(store), what.partition("/")
    if pattern:
        keys = [planned.key for planned in runs.known_plan(sweep).cells]
        cells = [cell for key in keys if (cell := runs.run(key).cell()) and matches(pattern, cell)]
    else:
        cells = [cell for run in runs.runs() if run.folder.name.startswith(what) and (cell := run.cell())]
    done = [cell for cell in cells if runs.run(cell.key).state().state == "done"]
    if len(done) == 1:
        return done[0]
    if not done and len(cells) == 1:
        state = runs.run(cells[0].key).state().state
        raise UserError(f"'{short(what)}' names a cell that is not finished ({state}): run it first.")
    found = "; ".join(f"{c.architecture_label}/{c.conv_label}/{c.method_label}/{c.seed}, key {c.key}" for c in done[:5])
    which = f"means {len(done)} finished cells ({found}): name one" if done else "names no finished cell: see `status`"
    raise UserError(f"'{short(what)}' {which}.")


def export(
    store: Path,
    cell: CellRecord,
    out: Path,
    form: str,
    *,
    batch: int,
    student: str | None,
    data: Path | None,
    int8: bool = False,
) -> Iterator[str]:
    """Write the network of a cell to the folder `out`; says what was done, line by line. With `int8` by the quantiser
    of the runtime that the form is for."""
    chosen = known(form, "int8" if int8 else "fp32")
    if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already: name a new folder.")
    ready = Ready.of(store, cell, student, data)
    network, suite, recipe = ready.network, ready.suite, ready.recipe
    drawn, as_they_are = None, None
    if int8:
        drawn = CalibrationImages.drawn(ready.data, recipe, suite.label)
        [(as_they_are, _)] = raw([(drawn.images, drawn.images)], recipe.normalisation)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(suite.image, batch, Path(folder), 1, chosen.precision, as_they_are)
        try:
            files, answer = chosen.written(network, job)
        except Unsupported as refusal:
            raise UserError(f"{refusal} Try another --format.") from refusal
        compared = ready.compared(answer, batch, chosen, "try another --format")
        sidecar = _sidecar_of(ready.loaded, cell, chosen, files, batch, str(drawn or ""))
        try:
            out.mkdir(parents=True, exist_ok=True)
            for file in files:
                write_bytes(out / file.name, chosen.marked(file, sidecar))
            write_json(out / NAME, sidecar.body())
            write_bytes(out / README, readme(sidecar, out).encode())
        except OSError as error:
            fix = "make room, or name another folder" if error.errno in DISK_ERRORS else "name another folder"
            raise UserError(f"{out} cannot be written ({error.strerror or error}): {fix}.") from error
    size = sum((out / name).stat().st_size for name in sidecar.files)
    yield f"{out / sidecar.files[0]}: {size / 1e6:.2f} MB, for {chosen.label}"
    yield compared
    if sidecar.warnings:
        yield f"its cell's score means nothing: {sidecar.warnings}"
    yield f"score it: cheapconv accuracy {out / sidecar.files[0]}"


def raw(batches: Iterable[tuple[Tensor, Tensor]], images: Normalisation) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images (B, C, H, W) as they were, from 0 to 1, and their labels. Pixels have 8 bits: rounded to those,
    they are what anybody gives to a file, bit by bit, which int8 tells from their neighbours."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (images.mean, images.std))
    for x, y in batches:
        yield (255 * (x * std + mean)).round().clamp(0, 255) / 255, y


def in_batches(images: Tensor, batch: int) -> Iterator[tuple[Tensor, int]]:
    """Images (N, C, H, W) in batches of exactly that size, the last one filled up, and how many of each count."""
    for first in range(0, len(images), batch):
        part = images[first : first + batch]
        missing = batch - len(part)
        yield torch.cat([part, part[-1:].expand(missing, *part.shape[1:])]) if missing else part, len(part)


def untied(logits: Tensor) -> Tensor:
    """Logits (B, classes, ...) in the same order, of which no two are equal: of equal ones, which int8 has often, the
    first class comes first, as in everybody's argmax."""
    order = logits.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(logits.shape[1], 0, -1, dtype=logits.dtype).view(1, -1, *[1] * (logits.dim() - 2))
    return torch.where(logits.isfinite(), torch.zeros_like(logits).scatter(1, order, places.expand_as(logits)), logits)


def _sidecar_of(
    loaded: Loaded, cell: CellRecord, form: Format, files: Sequence[Path], batch: int, quantised_on: str
) -> Sidecar:
    """What is said of a file."""
    suite = catalog.parse("suite", cell.suite)
    return Sidecar(
        format=form.name,
        runtime=form.label,
        files=tuple(file.name for file in files),
        precision=form.precision,
        quantised_on=quantised_on,
        batch=batch,
        image=suite.image,
        framing=suite.framing,
        class_names=loaded.class_names,
        mean=loaded.mean,
        std=loaded.std,
        suite=cell.suite,
        suite_label=cell.suite_label,
        terms=suite.terms,
        architecture=loaded.architecture,
        conv=loaded.conv,
        method=cell.method_label,
        seed=cell.seed,
        key=cell.key,
        warnings=loaded.doubts,
        cheapconv=version("cheapconv"),
        date=now(),
    )
