"""Which entry of a sweep learns from which: checked, ordered, and resolved to one teacher a seed."""

from collections.abc import Mapping, Sequence

from cheapconv import catalog
from cheapconv.catalog.errors import nearest, short
from cheapconv.engine.read.method_choice import MethodChoice
from cheapconv.engine.read.registry import Entry, Sweep
from cheapconv.engine.store.cell import Cell


def teachers_first(sweep: Sweep) -> list[Entry]:
    """The entries, those that teach before all others and after their own teachers, otherwise in the sweep's order.

    A missing, unknown or needless teacher and a circle of teachers are UserErrors.
    """
    named = {entry.name: entry for entry in sweep.entries if entry.name}
    for entry in sweep.entries:
        for position, choice in enumerate(entry.method):
            _check(entry, position, choice, named)
    order: list[str] = []
    for entry in sweep.entries:
        for teacher in _teachers(entry):
            _visit(teacher, named, order, ())
    return [*(named[name] for name in order), *(entry for entry in sweep.entries if entry.name not in order)]


def teacher_of(student: Entry, name: str, seed: int, cells: Sequence[Cell]) -> Cell:
    """Of the cells of entry `name`, the one that teaches a student of `seed`: that seed's, else the only seed's."""
    seeds = sorted({cell.seed for cell in cells})
    where = ("method", [choice.teacher for choice in student.method].index(name))
    if seed not in seeds and len(seeds) > 1:
        have = ", ".join(map(str, seeds))
        raise student.error(
            f"teacher '{name}' has no seed {seed} (it has {short(have)}): add it, or leave it a single seed.", *where
        )
    same = [cell for cell in cells if cell.seed == (seed if seed in seeds else seeds[0])]
    if len(same) > 1:
        raise student.error(f"teacher '{name}' is a grid of {len(same)} cells a seed: make it one cell.", *where)
    return same[0]


def _teachers(entry: Entry) -> list[str]:
    return [choice.teacher for choice in entry.method if choice.teacher]


def _check(entry: Entry, position: int, choice: MethodChoice, named: Mapping[str, Entry]) -> None:
    """A method that needs a teacher names an existing entry, and no other method names one."""
    needs, teacher = catalog.entry("method", choice.name).cls.needs_teacher, choice.teacher
    message = None
    if needs and teacher is None:
        choices = f"one of {', '.join(named)}" if named else "an entry with a name"
        message = f"method '{choice.name}' needs a teacher: write {{{choice.name}: {{teacher: ...}}}} with {choices}."
    elif teacher is not None and not needs:
        message = f"method '{choice.name}' has no use for a teacher: remove 'teacher: {short(teacher)}'."
    elif teacher is not None and teacher not in named:
        message = f"unknown teacher '{short(teacher)}'{nearest(teacher, named)}"
    if message:
        raise entry.error(message, "method", position, choice.name, "teacher")


def _visit(name: str, named: Mapping[str, Entry], order: list[str], path: tuple[str, ...]) -> None:
    """Append `name` to `order` after its own teachers; `path` leads here from its students."""
    if name in path:
        circle = " from ".join([*path[path.index(name) :], name])
        raise named[name].error(f"teachers learn in a circle ({circle}): train one without a teacher.", "method")
    if name not in order:
        for teacher in _teachers(named[name]):
            _visit(teacher, named, order, (*path, name))
        order.append(name)
