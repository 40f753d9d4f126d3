"""What is said of cells before they are trained, so that nobody finds it out hours later."""

from collections.abc import Iterator, Sequence

from cheapconv import catalog
from cheapconv.catalog.errors import plural
from cheapconv.engine.measure import bf16
from cheapconv.engine.run import record
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.runs import Store


def cautions(store: Store, cells: Sequence[Cell], here: bool) -> Iterator[str]:
    """Sentences, the weightiest first; `here`: they are trained by processors of this machine."""
    yield from changed_code(store, cells)
    left = [cell for cell in cells if store.run(cell.key).state().state != "done"]
    if here:
        yield from slow_bf16(left)
    yield from large_batches(left)


def changed_code(store: Store, cells: Sequence[Cell]) -> Iterator[str]:
    """Of cells that were trained, or begun, by other code than there is now."""
    for name, count in record.of_other_code(store, cells).items():
        yield (
            f"{count} of these cells were trained, or begun, by other code of the {name} than there is now: if that "
            "computes something else, stop here and give it another `version`, by which they are trained anew"
        )


def slow_bf16(cells: Sequence[Cell]) -> Iterator[str]:
    """Of cells in bf16, on a CPU that has no instructions for it: hours become days."""
    rounded = [cell for cell in cells if recipe_of(cell).precision == "bf16"]
    if rounded and (times := bf16.slowdown()) > bf16.SLOW:
        yield (
            f"{plural(len(rounded), 'cell')} in bf16, in which this processor takes {times:.0f} times as long for a "
            "convolution as in float32: train them where it is quick, or write `precision: fp32` into the sweep, which "
            "makes other cells"
        )


def large_batches(cells: Sequence[Cell]) -> Iterator[str]:
    """Of batches that hold all images there are: an epoch of them is one step, whatever the batch."""
    for suite, batch, held_out in dict.fromkeys((cell.suite, recipe_of(cell).batch, cell.held_out) for cell in cells):
        there = catalog.parse("suite", suite).train_samples
        if there is not None and (images := there - held_out) < batch:
            yield (
                f"a batch of {batch} is more than the {plural(images, 'training image')} of {suite}: an epoch is one "
                "step; a smaller `batch` in the sweep gives it more"
            )
