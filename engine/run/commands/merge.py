"""The command `merge`: run stores of several machines become one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cheapconv.catalog.errors import UserError, some

if TYPE_CHECKING:
    from cheapconv.engine.run.merging import Merged

MOST_NAMED = 10  # cells in a sentence


def merge(
    stores: Annotated[list[Path], typer.Argument(metavar="STORE...", help="Folders of run folders, such as copies.")],
    into: Annotated[Path, typer.Option(help="The store that takes what they have.")] = Path("runs"),
) -> None:
    """Merge run stores into one: each cell as far as any has it; what two machines trained is compared and told."""
    from cheapconv.engine.run import merging, output
    from cheapconv.engine.run.session import DONE, LEFT
    from cheapconv.engine.run.show import console
    from cheapconv.engine.store.runs import Store

    for folder in stores:
        require_store(folder, into)
    store = Store(into)
    store.prepare()
    with console.status("", refresh_per_second=1) as status:
        work = merging.Merge(store, status.update)
        for folder in stores:
            work.take(Store(folder))
    for line in lines(work.merged, into):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    output.forgive()
    raise typer.Exit(LEFT if work.merged.left_out else DONE)


def require_store(folder: Path, into: Path) -> None:
    """UserError for what is no store, or the one that is merged into."""
    if not folder.is_dir():
        raise UserError(f"there is no store at {folder}: name folders of run folders.")
    if folder.resolve() == into.resolve():
        raise UserError(f"{folder} is the store to merge into: name the others, or another one with --into.")
    if not any([*folder.glob("*/cell.json"), *folder.glob("sweeps/*.json"), *folder.glob("measurements/*.json")]):
        raise UserError(f"{folder} holds no run folders: name the store itself, as --store of `run` has it.")


def lines(merged: "Merged", into: Path) -> list[str]:
    """What happened, what two trainings say of one another, and what was left out."""
    said = [
        f"{into}: {merged.taken} finished cells taken, {merged.further} unfinished ones that were further; "
        f"{merged.completed} plans, timings, probes, counts and cells completed."
    ]
    if merged.same:
        said.append(f"Trained twice, same bits: {some(merged.same, MOST_NAMED)}.")
    said += [f"Trained twice, other bits: {each}." for each in merged.other]
    said += [f"Left out, {reason}: {some(names, MOST_NAMED)}." for reason, names in merged.left_out.items()]
    return said
