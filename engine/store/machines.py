"""Other trainings of cells of the store, where stores of several machines have met (`cheapconv merge`).

    machines/<machine>/<key>/   as a run folder, and compared.json: whether its bits are those of the cell's own result

Of one with the same bits the networks are not kept a second time. Nobody takes such a folder for a cell of a plan: it
lies a level deeper than those, and only this file knows where.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cheapconv.engine.store.documents import document, look
from cheapconv.engine.store.files import sha256, slug, write_json
from cheapconv.engine.store.records import Environment
from cheapconv.engine.store.runs import RESULT, Run, Store

FOLDER, COMPARED = "machines", "compared.json"
LONGEST = 80  # characters of a machine's name
UNKNOWN = "a machine that was not recorded"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """compared.json."""

    of: str  # hash of the result.json that it was compared with
    same: bool


@dataclass(frozen=True)
class Retraining:
    """Another training of a cell, and whether it made the same."""

    run: Run
    same: bool


def machine(environments: Sequence[Environment]) -> str:
    """What a cell ended on: the name of its processor or accelerator."""
    last = environments[-1] if environments else Environment()
    return last.device_name or last.platform or UNKNOWN


def retrainings(store: Store, keys: Collection[str]) -> Iterator[Retraining]:
    """The other trainings of these cells that were compared with the results that they have now."""
    for run in kept(store):
        if run.key not in keys:
            continue
        compared, own = look(run.folder / COMPARED, Compared).value, store.run(run.key).folder / RESULT
        if compared is not None and own.is_file() and sha256(own) == compared.of:
            yield Retraining(run, compared.same)


def kept(store: Store) -> list[Run]:
    """Every other training that is whole, in the order of machines and cells."""
    found = map(Run, sorted(path.parent for path in (store.root / FOLDER).glob(f"*/*/{RESULT}")))
    return [run for run in found if run.result() is not None]


def same_training(one: Run, other: Run) -> bool:
    """Whether two finished run folders are of one training, such as a copy of the other."""
    return sha256(one.folder / RESULT) == sha256(other.folder / RESULT)


def tidy(store: Store) -> int:
    """Remove what killed processes left there; the number of files removed."""
    removed = 0
    for run in filter(Run.left, map(Run, sorted((store.root / FOLDER).glob("*/*")))):
        with run.lock() as mine:
            removed += run.tidy() if mine else 0
    return removed


def place(store: Store, training: Run) -> Run:
    """The folder that has this training, or is to have it: that of its machine, or the next one with a number where
    another training of the machine is."""
    name = slug(machine(training.environments()))[:LONGEST] or "unknown"
    number = 1
    while True:
        run = Run(_folder(store, name if number == 1 else f"{name}-{number}", training.key))
        if run.result() is None or same_training(run, training):
            return run
        number += 1


def is_noted(store: Store, run: Run, *, same: bool) -> bool:
    """Whether it is said how its bits compare with those of the cell's own result."""
    return look(run.folder / COMPARED, Compared).value == _compared(store, run, same)


def note(store: Store, run: Run, *, same: bool) -> None:
    """Say so."""
    write_json(run.folder / COMPARED, document(asdict(_compared(store, run, same))))


def _compared(store: Store, run: Run, same: bool) -> Compared:
    return Compared(of=sha256(store.run(run.key).folder / RESULT), same=same)


def _folder(store: Store, name: str, key: str) -> Path:
    return store.root / FOLDER / name / key
