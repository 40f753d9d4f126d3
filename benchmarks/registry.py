"""How much there is in the whole registry: cells, steps and multiply-adds of every sweep.

    python -m benchmarks.registry

Multiply-adds are those of each cell's network forward on every training image of every epoch; a training takes about
three times as many, its teacher's passes and further networks of its method come on top. Nothing is trained or opened.
"""

import sys

from cheapconv import catalog
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.plan.work import work
from cheapconv.engine.run import planning


def main() -> None:
    """A line a sweep, in Markdown."""
    plans, mistakes = planning.each(None)
    sys.stdout.write("| sweep | cells | epochs | steps | multiply-adds forward |\n|:--|--:|--:|--:|--:|\n")
    for whole in plans:
        sys.stdout.write(f"| {' | '.join(told(whole))} |\n")
    sys.stdout.writelines(f"{mistake}\n" for mistake in mistakes)


def told(whole: Plan) -> list[str]:
    """Its name, cells, epochs of all cells, steps of all epochs, and multiply-adds of all images."""
    cells = [planned.cell for planned in whole.cells]
    epochs = sum(cell.epochs for cell in cells)
    samples = {suite: catalog.parse("suite", suite).train_samples for suite in {cell.suite for cell in cells}}
    if None in samples.values():
        return [whole.sweep, str(len(cells)), f"{epochs:,}", "depends on the data", ""]
    images = {cell.key: (samples[cell.suite] or 0) - (cell.recipe.get("validation") or 0) for cell in cells}
    steps = sum(-(-images[cell.key] // cell.recipe["batch"]) * cell.epochs for cell in cells)
    macs = sum(images[cell.key] * work(cell) for cell in cells)
    return [whole.sweep, f"{len(cells):,}", f"{epochs:,}", f"{steps:,}", f"{macs:.2e}"]


if __name__ == "__main__":
    main()
