"""Whether a trained network still answers as its cell recorded: the code that it is rebuilt by, a plugin's or a
library's, may be another one now, and would give old weights another meaning without a word."""

import logging

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.record import of_other_code
from cheapconv.engine.store import mistakes
from cheapconv.engine.store.cell import recipe_of
from cheapconv.engine.store.networks import Loaded
from cheapconv.engine.store.runs import Store
from cheapconv.suites.base import Data

log = logging.getLogger(__name__)

IMAGES = 256  # of the test set, or a batch more
OTHERWISE = 0.2  # of them: other kernels, or bf16 in training, change few answers, and another network most


@torch.no_grad()
def require_its_answers(store: Store, loaded: Loaded, data: Data) -> None:
    """A UserError where a network of the store makes other mistakes on test images than were recorded of it. Nothing is
    asked of one whose score means nothing, for it may be undecided; nor of other images, which is told."""
    run, cell = store.run(loaded.cell.key), loaded.cell
    result = run.result()
    noted = (mistakes.read(run, result) or {}).get(loaded.name) if result else None
    if noted is None or loaded.doubts:  # as of a task with more than one answer an image
        return
    if catalog.parse("suite", cell.suite).fingerprint != cell.data or len(noted) != data.size("test"):
        log.warning("the images of cell %s have changed since: whether it answers as it did is not known", cell.key)
        return
    task, found, count = catalog.parse("suite", cell.suite).task_of(data), [], 0
    for x, y in data.split("test", recipe_of(cell)):
        found.append(task.mistakes(loaded.network(x), y))
        count += len(y)
        if count >= IMAGES:
            break
    differ = (torch.cat(found) != torch.from_numpy(noted[:count].astype("int64"))).float().mean().item()
    if differ > OTHERWISE:
        by = " and ".join(sorted(of_other_code(store, [cell])))
        why = f"the code of the {by} has changed since" if by else "what it is rebuilt by is not what it was"
        versions = {name: version for each in run.environments() for name, version in each.versions.items()}
        recorded = ", ".join(f"{name} {version}" for name, version in versions.items()) or "no record of by what"
        raise UserError(
            f"cell {cell.key} answers {differ:.0%} of {count} test images otherwise than it did when it was trained: "
            f"{why} ({recorded}); bring that back, or train it again."
        )
